"""Several files of results in one record: every case once, what is missing, and what the environments share."""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from rnncli.config.yamlfile import requires_file
from rnncli.core.errors import ConfigError
from rnncli.core.lines import parts_from_json
from rnncli.core.records import RunRecord
from rnncli.pipeline.results import LONGEST_LINE, ResultFile, Results, first_problem, no_result

LARGEST_DOCUMENT = 2**29  # bytes, which take ten times as much memory; lines have no such bound
MOST_TOLD = 20  # shards that are missing
READABLE = "files of --format jsonl or --format json"


@contextmanager
def merged(paths: Sequence[Path], strict: bool = False) -> Iterator[RunRecord]:
    """Yield the results of files as one record. The files are open until the context is left.

    Raises ConfigError where a case is in two files, or the files are not of one run.
    """
    with ExitStack() as opened:
        files = [_read(path, opened) for path in paths]
        runs = [file.run for file in files if file.run]
        if not runs:
            raise ConfigError(f"{', '.join(map(str, paths))}: no results; allowed: {READABLE}")
        _require_one_run(files)
        environment = _in_common([run.environment for run in runs])
        growth = list(chain.from_iterable(file.growth for file in files))
        gates = list(chain.from_iterable(file.gates for file in files))
        yield RunRecord.of(runs[0].command, environment, Results(files), _missing(files), strict, growth, gates)


def _require_one_run(files: Sequence[ResultFile]) -> None:
    first = next(file for file in files if file.run)
    assert first.run is not None
    for file in files:
        if difference := file.run and first.run.differs_from(file.run):
            raise ConfigError(f"{file.path} is {difference}; {first.path} is another; allowed: results of one run")
    if len(files) > 1 and not first.run.config:
        raise ConfigError(f"{first.path}: says nothing of the run it is of; allowed beside others: results of verify")
    holders: dict[int, Path] = {}
    for file in files:
        if twice := [index for index in file.places if index in holders]:
            other = holders[twice[0]]
            raise ConfigError(f"{file.path}: {len(twice)} of its cases are in {other} too; allowed: every case once")
        holders |= dict.fromkeys(file.places, file.path)


def _read(path: Path, opened: ExitStack) -> ResultFile:
    with requires_file(path, READABLE, (".jsonl", ".json")):
        file: BinaryIO = opened.enter_context(path.open("rb"))
        if not file.seekable():  # a pipe
            file = _spooled(path, file, opened)
        first_line = file.readline(LONGEST_LINE + 1)
    with suppress(ValueError, RecursionError):
        first = json.loads(first_line or b"{}")
        if not isinstance(first, dict) or "cases" not in first:
            return ResultFile(path, file).scan()
    file.seek(0)
    return _read_document(path, file, opened)


def _read_document(path: Path, file: BinaryIO, opened: ExitStack) -> ResultFile:
    try:
        text = file.read(LARGEST_DOCUMENT + 1)
        if len(text) > LARGEST_DOCUMENT:
            raise ValueError(f"a document of more than {LARGEST_DOCUMENT} bytes; --format jsonl has no such limit")
        document = json.loads(text)
        cases = document.pop("cases")
        growth, gates = parts_from_json(document)
        missing = document.get("missing") or []
        if not isinstance(missing, list) or not all(isinstance(reason, str) for reason in missing):
            raise ValueError("missing: not a list of strings")
        lines = [json.dumps({**document, **case}).encode() + b"\n" for case in cases]
    except RecursionError:
        raise no_result(path, "nested too deep") from None
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise no_result(path, first_problem(error)) from None
    spooled = opened.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    spooled.writelines(lines)
    return ResultFile(path, spooled, of_document=True, growth=growth, gates=gates, missing=tuple(missing)).scan()


def _spooled(path: Path, stream: BinaryIO, opened: ExitStack) -> BinaryIO:
    begin = stream.read(1)
    if begin not in (b"{", b""):
        raise no_result(path, "it does not begin with {")
    file = opened.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    file.write(begin)
    shutil.copyfileobj(stream, file)
    file.seek(0)
    return file


def _missing(files: Sequence[ResultFile]) -> list[str]:
    cases = max(file.cases for file in files)
    found = sum(len(file.places) for file in files)
    if not cases:  # of a command whose cases are not counted
        return [missing for file in files for missing in file.missing]
    if found >= cases:
        return []
    sizes = {shard: size for file in files for shard, size in file.sizes.items()}
    counts = Counter(place.shard for file in files for place in file.places.values())
    ordered = sorted(sizes, key=lambda shard: int(shard.partition("/")[0]))
    words = [f"shard {s} has {counts[s]} of its {sizes[s]} cases" for s in ordered if counts[s] < sizes[s]]
    totals = {shard.partition("/")[2] for shard in sizes}
    if len(totals) == 1 and None not in counts:
        total = totals.pop()
        absent = [shard for number in range(1, int(total) + 1) if (shard := f"{number}/{total}") not in sizes]
        words += [f"shard {shard} is missing" for shard in absent[:MOST_TOLD]]
        words += [f"and {len(absent) - MOST_TOLD} more shards are"] if len(absent) > MOST_TOLD else []
    return [f"{cases - found} of {cases} cases have no result{': ' if words else ''}{', '.join(words)}"]


def _in_common(environments: Sequence[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for name in dict.fromkeys(chain.from_iterable(environments)):
        values = [environment[name] for environment in environments if name in environment]
        different = [value for at, value in enumerate(values) if value not in values[:at]]
        merged[name] = different[0] if len(different) == 1 else different
    return merged
