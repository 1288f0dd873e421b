"""Results that last: a file with a line for each case, and what several such files hold together."""

import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from math import inf
from pathlib import Path
from typing import Any, BinaryIO, Self, overload

from pydantic import ValidationError

from rnncli.config.yamlfile import nearest_file
from rnncli.core.case import Case
from rnncli.core.errors import AmbiguousError, CandidateError, ConfigError, RnncliError, UnavailableError, dotted
from rnncli.core.lines import case_from_json, parts_from_json
from rnncli.core.records import SCHEMA_VERSION, CaseRecord, Gate, Growth, Origin, RunRecord, Verdict

RESULT = b'{"schema_version"'  # how a line begins
LONGEST_LINE = 2**26  # bytes; a case of the largest kind that was seen takes 1 MB
LARGEST_DOCUMENT = 2**29  # bytes, which take ten times as much memory; lines have no such bound
MOST_CASES = 10**9  # of a run
MOST_TOLD = 20  # shards that are missing
KINDS = {error.kind for error in (AmbiguousError, CandidateError, ConfigError, RnncliError, UnavailableError)}
VERSIONS = ("rnncli", "torch")  # of the environment: results go together where these agree


@dataclass(frozen=True)
class Run:
    """What results that go together have in common."""

    command: str
    config: str  # of Origin
    environment: dict[str, Any] = field(default_factory=dict)

    def differs_from(self, other: Self) -> str | None:
        """How another run differs from this one, in words; None where their results go together."""
        if self.command != other.command:
            return f"of rnncli {other.command}, not of rnncli {self.command}"
        for name in VERSIONS:
            own, its = self.environment.get(name), other.environment.get(name)
            if own != its:
                return f"from {name} {its}, not {own}"
        return "of another config, candidate or policy" if self.config != other.config else None


@dataclass
class Saved:
    """What a file holds: where the line of each case is, and the run they are of."""

    path: Path
    file: BinaryIO
    document: bool = False  # whether the lines are the cases of one document, and not those of the file
    run: Run | None = None
    cases: int = 0  # of the run, in all its shards
    offsets: dict[int, int] = field(default_factory=dict)  # by index of the case; of two lines of one, the later
    shards: dict[int, str | None] = field(default_factory=dict)  # likewise
    sizes: dict[str, int] = field(default_factory=dict)  # of the shards
    without_verdict: set[int] = field(default_factory=set)
    growth: list[Growth] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    missing: tuple[str, ...] = ()  # as it was said of the run
    end: int = 0  # of the last whole line


class Results(Sequence[CaseRecord]):
    """Cases in files, a line each, in the order of their run. A case is read when it is asked for: what stays in memory
    is where each stands.
    """

    def __init__(self, files: Iterable[Saved]) -> None:
        self._files = list(files)
        self._places = sorted(
            (index, number, offset)
            for number, saved in enumerate(self._files)
            for index, offset in saved.offsets.items()
        )

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> CaseRecord: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[CaseRecord, ...]: ...
    def __getitem__(self, place: int | slice) -> CaseRecord | tuple[CaseRecord, ...]:
        """The case at a place in the order of the run. Raises ConfigError for a line that is no result."""
        if isinstance(place, slice):
            return tuple(self[at] for at in range(*place.indices(len(self))))
        _, number, offset = self._places[place]
        return _case_at(self._files[number], offset)


def _case_at(saved: Saved, offset: int) -> CaseRecord:
    """The case of a line. Raises ConfigError for a line that is no result."""
    saved.file.seek(offset)
    try:
        case = case_from_json(saved.file.readline())
    except ValueError as error:
        raise _no_result(_place(saved, offset), _first_problem(error)) from None
    wrong = _contradiction(case)
    if wrong:
        raise _no_result(_place(saved, offset), f"case {case.id}: {wrong}")
    try:
        config = Case.model_validate(case.config).config  # with what an older version did not know of
    except ValueError as error:
        raise _no_result(_place(saved, offset), f"case {case.id}: its config: {_first_problem(error)}") from None
    return replace(case, config=config)


def _place(saved: Saved, offset: int) -> str:
    """The file and the line of a case, for messages."""
    saved.file.seek(0)
    number = 1
    while saved.file.tell() < offset:
        saved.file.readline()
        number += 1
    return f"{saved.path}: case {number}" if saved.document else f"{saved.path}:{number}"


def _first_problem(error: ValueError) -> str:
    """Return the first problem that the validation library found, in a line."""
    if not isinstance(error, ValidationError):
        return str(error)
    problem = error.errors(include_url=False, include_input=False)[0]
    return f"{dotted(problem['loc'])}: {problem['msg']}" if problem["loc"] else problem["msg"]


def _contradiction(case: CaseRecord) -> str | None:
    """What in a case cannot be, though each of its fields is of the right kind: somebody has changed the file."""
    checks = case.checks or ()
    if case.error and case.error.kind not in KINDS:
        return f"error.kind is none of {', '.join(sorted(KINDS))}"
    if case.verdict != Verdict.MISMATCH and any(check.verdict == Verdict.MISMATCH for check in checks):
        return f"the verdict is {case.verdict}, and that of a check is mismatch"
    for check in checks:
        for name in ("error_by_step", "reference_error_by_step", "allowed_by_step"):
            courses = getattr(check, name) or {}
            for direction, steps in courses.items():
                expected = (check.error_by_step or {}).get(direction, ())
                if not steps or len(steps) != len(expected):
                    return f"{name} of {direction} has {len(steps)} steps"
                if any(step is not None and not 0 <= step < inf for step in steps):
                    return f"{name} of {direction} has a step that is not 0 or more and finite, nor null"
    return None


class Journal:
    """The file of a run under way: the line of a case is added as soon as it is known."""

    def __init__(self, saved: Saved, writes: int) -> None:
        """`writes`: the descriptor that appends to the file."""
        self.saved, self._writes = saved, writes

    @property
    def finished(self) -> set[int]:
        """The index of every case that has a verdict."""
        return set(self.saved.offsets) - self.saved.without_verdict

    def add(self, line: str, index: int) -> None:
        """Add a case. Raises ConfigError where it cannot be written."""
        text = line.encode()
        try:
            if os.pwrite(self._writes, text, self.saved.end) != len(text):
                raise OSError(28, "No space left on device")
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._writes, self.saved.end)
            raise ConfigError(f"--output: {self.saved.path} cannot be written: {error.strerror}") from None
        self.saved.offsets[index] = self.saved.end
        self.saved.end += len(text)

    def case(self, index: int) -> CaseRecord:
        """A case that was added, by its index."""
        self.saved.file.seek(self.saved.offsets[index])
        return case_from_json(self.saved.file.readline())

    def require_kept(self) -> None:
        """Raise ConfigError where the file is not what was written: somebody has removed, replaced or cut it."""
        own = os.fstat(self._writes)
        try:
            found = os.stat(self.saved.path)
        except OSError:
            found = None
        if found is None or not os.path.samestat(own, found):
            what = "removed" if found is None else "replaced"
        elif own.st_size < self.saved.end:
            what = "cut"
        else:
            return
        raise ConfigError(f"--output: {self.saved.path} was {what} while the results were written; they are lost")

    def results(self) -> Results:
        """All that the file holds."""
        return Results([self.saved])

    def close(self) -> None:
        """Nothing is added any more, and none of its results is read."""
        os.close(self._writes)
        self.saved.file.close()


def spool() -> Journal:
    """A file that goes away, for a run whose results are rendered in the end. Raises ConfigError."""
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the run
    except OSError as error:
        raise ConfigError(f"no temporary file can be made: {error.strerror}; TMPDIR names a folder for them") from None
    return Journal(Saved(Path("results"), file), os.dup(file.fileno()))


def journal(path: Path, run: Run, resume: bool) -> Journal:
    """The file at `path`, to add the results of a run to.

    With `resume`, what it holds is kept, but for a line that a kill has cut. Raises ConfigError where that is of
    another run; without, where it is an unfinished run, that would be lost.
    """
    with ExitStack() as closed:
        try:
            writes = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            closed.callback(os.close, writes)
            file = closed.enter_context(path.open("rb"))
        except OSError as error:
            raise ConfigError(f"--output: {path} cannot be written: {error.strerror}") from None
        _lock(writes, path)
        if resume:
            saved = scan(path, file)
            for offset in saved.offsets.values():  # what is wrong is told before anything is run
                _case_at(saved, offset)
            if not saved.end and os.fstat(writes).st_size and not _begins_with_a_result(file):
                raise ConfigError(f"--resume: {path} holds no results; allowed: the file of the same run, or a new one")
            difference = run.differs_from(saved.run) if saved.run else None
            if difference:
                raise ConfigError(
                    f"--resume: {path} is {difference}; allowed: the file of the same run, or another --output"
                )
        else:
            _require_finished(path, file)
            saved = Saved(path, file)
        os.ftruncate(writes, saved.end)
        saved.file = open(os.dup(file.fileno()), "rb")  # noqa: SIM115  # `file` may hold bytes that were cut off
        closed.pop_all()
        file.close()
        return Journal(saved, writes)


def _lock(writes: int, path: Path) -> None:
    """Keep a second run from writing the same file."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        return
    try:
        fcntl.flock(writes, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(f"--output: {path} is being written by another run; allowed: another file") from None
    except OSError:  # a file system without locks
        return


def _require_finished(path: Path, file: BinaryIO) -> None:
    try:
        saved = scan(path, file)
    except ConfigError as error:  # something else is replaced, as by any other format
        if _begins_with_a_result(file):
            raise ConfigError(f"--output: {error}; it holds results that would be lost") from None
        return
    done = len(set(saved.offsets) - saved.without_verdict)
    expected = sum(saved.sizes.values()) if saved.sizes else saved.cases
    if 0 < done < expected:
        raise ConfigError(
            f"--output: {path} holds {done} of {expected} cases of an unfinished run; allowed: --resume to go on with"
            " it, or another file"
        )


def _begins_with_a_result(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(len(RESULT)) == RESULT


def scan(path: Path, file: BinaryIO, document: bool = False) -> Saved:
    """Read the results of a file of lines; of a `document`, those of its cases.

    A last line without an end is left out: a kill has cut it.

    Raises ConfigError for a line that is no result, and for lines of different runs.
    """
    saved = Saved(path, file, document)
    file.seek(0)
    for number, line in enumerate(iter(partial(file.readline, LONGEST_LINE + 1), b""), 1):
        if len(line) > LONGEST_LINE:
            raise _no_result(f"{path}:{number}", f"a line of more than {LONGEST_LINE} bytes")
        if not line.endswith(b"\n"):
            break
        at = f"{path}: case {number}" if document else f"{path}:{number}"
        entry = _entry(line, at)
        origin = _origin(entry, at, len(saved.offsets))
        run = Run(str(entry.get("command")), origin.config, entry.get("environment") or {})
        if saved.run is None:
            saved.run, saved.cases = run, origin.cases
        elif run != saved.run and (difference := saved.run.differs_from(run)):
            raise ConfigError(f"{at}: a result {difference} as the lines before; allowed: results of one run")
        if origin.cases != saved.cases or (origin.config and not 0 <= origin.index < origin.cases):
            raise _no_result(at, "origin is not that of the lines before, or of no case of the run")
        if origin.index in saved.offsets and origin.index not in saved.without_verdict:
            raise ConfigError(f"{at}: a case that stands before in the file too; allowed: every case once")
        saved.offsets[origin.index], saved.shards[origin.index] = saved.end, origin.shard
        if origin.shard:
            saved.sizes[origin.shard] = origin.shard_cases or 0
        (saved.without_verdict.add if entry.get("verdict") is None else saved.without_verdict.discard)(origin.index)
        saved.end += len(line)
    return saved


def _entry(line: bytes, at: object) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _no_result(at, "nested too deep" if isinstance(error, RecursionError) else str(error)) from None
    if not isinstance(entry, dict) or not {"id", "config", "verdict"} <= entry.keys():
        raise _no_result(at, "a case has the keys id, config and verdict")
    if not isinstance(entry.get("environment") or {}, dict):
        raise _no_result(at, "environment is not a mapping")
    if not isinstance(entry.get("schema_version", 1), int) or entry.get("schema_version", 1) > SCHEMA_VERSION:
        version = str(entry["schema_version"])[:20]
        raise ConfigError(f"{at}: schema_version {version} is newer than this rnncli knows; update it")
    if entry["verdict"] not in (None, *Verdict):
        raise _no_result(at, f"verdict is none of {', '.join(Verdict)}, and not null")
    return entry


def _origin(entry: dict[str, Any], at: object, index: int) -> Origin:
    """The origin of a case; where none is given, it stands for itself."""
    given = entry.get("origin")
    if given is None:
        return Origin(config="", index=index, cases=0)
    kinds = {"config": str, "index": int, "cases": int, "shard": str | None, "shard_cases": int | None}
    right = isinstance(given, dict) and all(isinstance(given.get(name), kind) for name, kind in kinds.items())
    if not right or not re.fullmatch(r"\d{1,6}/\d{1,6}", given.get("shard") or "1/1"):
        raise _no_result(at, "origin has the keys config, index, cases and shard, as 3/8")
    numbers = [given["cases"], given.get("shard_cases") or 0]
    number, count = map(int, (given.get("shard") or "1/1").split("/"))
    if not all(0 <= value <= MOST_CASES for value in numbers) or not 1 <= number <= count or len(given["config"]) > 64:
        raise _no_result(at, "origin has a number that no run has")
    return Origin(**{name: given.get(name) for name in Origin.__slots__})


def _no_result(at: object, why: str) -> ConfigError:
    reason = " ".join(why.split())
    return ConfigError(
        f"{at}: not a result of rnncli ({reason[:160]}); allowed: files of --format jsonl or --format json"
    )


@contextmanager
def merged(paths: Sequence[Path], strict: bool = False) -> Iterator[RunRecord]:
    """The results of files put together, each case once; what is missing is said in the record. The files are open
    until the context is left.

    Raises ConfigError where a case is in two files, or the files are not of one run.
    """
    with ExitStack() as opened:
        yield _merged([_read(path, opened) for path in paths], ", ".join(map(str, paths)), strict)


def _merged(files: Sequence[Saved], names: str, strict: bool) -> RunRecord:
    first = next((saved for saved in files if saved.run), None)
    if first is None or first.run is None:
        raise ConfigError(f"{names}: no results; allowed: files of --format jsonl or --format json")
    for saved in files:
        difference = first.run.differs_from(saved.run) if saved.run else None
        if difference:
            raise ConfigError(f"{saved.path} is {difference} as {first.path}; allowed: results of one run")
    if len(files) > 1 and not first.run.config:
        raise ConfigError(f"{first.path}: says nothing of the run it is of; allowed beside others: results of verify")
    _refuse_doubled(files)
    environment = _in_common([saved.run.environment for saved in files if saved.run])
    growth = list(chain.from_iterable(saved.growth for saved in files))
    gates = list(chain.from_iterable(saved.gates for saved in files))
    return RunRecord.of(first.run.command, environment, Results(files), _missing(files), strict, growth, gates)


def _read(path: Path, opened: ExitStack) -> Saved:
    """What a file of either format holds: that of one document is written out as lines."""
    try:
        if path.is_dir():
            raise ConfigError(f"{path}: is a directory; allowed: files of --format jsonl or --format json")
        file: BinaryIO = opened.enter_context(path.open("rb"))
        if not file.seekable():  # a pipe
            file = _spooled(path, file, opened)
        first_line = file.readline(LONGEST_LINE + 1)
    except FileNotFoundError:
        hint = nearest_file(path, (".jsonl", ".json"))
        raise ConfigError(f"{path}: no such file{hint}; allowed: files of --format jsonl or --format json") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    with suppress(ValueError, RecursionError):
        first = json.loads(first_line or b"{}")
        if not isinstance(first, dict) or "cases" not in first:
            return scan(path, file)
    file.seek(0)
    try:
        text = file.read(LARGEST_DOCUMENT + 1)
        if len(text) > LARGEST_DOCUMENT:
            raise ValueError(f"a document of more than {LARGEST_DOCUMENT} bytes; --format jsonl has no such limit")
        document = json.loads(text)
        cases = document.pop("cases")
        growth, gates = parts_from_json(document)
        lines = [json.dumps({**document, **case}).encode() + b"\n" for case in cases]
    except RecursionError:
        raise _no_result(path, "nested too deep") from None
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise _no_result(path, _first_problem(error) if isinstance(error, ValueError) else str(error)) from None
    spooled = opened.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  # as it is here
    spooled.writelines(lines)
    saved = scan(path, spooled, document=True)
    saved.growth, saved.gates = growth, gates
    saved.missing = tuple(map(str, document.get("missing") or ()))
    return saved


def _spooled(path: Path, stream: BinaryIO, opened: ExitStack) -> BinaryIO:
    """Copy a stream into a file. Raises ConfigError for one that does not begin as results do."""
    begin = stream.read(1)
    if begin not in (b"{", b""):
        raise _no_result(path, "it does not begin with {")
    file = opened.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  # as long as the others
    file.write(begin)
    shutil.copyfileobj(stream, file)
    file.seek(0)
    return file


def _refuse_doubled(files: Sequence[Saved]) -> None:
    holder: dict[int, Saved] = {}
    for saved in files:
        twice = [index for index in saved.offsets if index in holder]
        if twice:
            other = holder[twice[0]]
            raise ConfigError(
                f"{saved.path}: {len(twice)} of its cases are in {other.path} too; allowed: every case once"
            )
        holder |= dict.fromkeys(saved.offsets, saved)


def _missing(files: Sequence[Saved]) -> list[str]:
    """Which shards, or how many cases, have no result."""
    cases = max(saved.cases for saved in files)
    have = sum(len(saved.offsets) for saved in files)
    if not cases:  # of a command whose cases are not counted
        return [missing for saved in files for missing in saved.missing]
    if have >= cases:
        return []
    sizes = {shard: size for saved in files for shard, size in saved.sizes.items()}
    counts = Counter(shard for saved in files for shard in saved.shards.values())
    cut = [shard for shard in sorted(sizes, key=_number) if counts[shard] < sizes[shard]]
    words = [f"shard {shard} has {counts[shard]} of its {sizes[shard]} cases" for shard in cut]
    of = {shard.partition("/")[2] for shard in sizes}
    if len(of) == 1 and None not in counts:
        every = [f"{number}/{count}" for count in of for number in range(1, int(count) + 1)]
        absent = [shard for shard in every if shard not in sizes]
        words += [f"shard {shard} is missing" for shard in absent[:MOST_TOLD]]
        words += [f"and {len(absent) - MOST_TOLD} more shards are"] if len(absent) > MOST_TOLD else []
    return [f"{cases - have} of {cases} cases have no result{': ' if words else ''}{', '.join(words)}"]


def _number(shard: str) -> int:
    return int(shard.partition("/")[0])


def _in_common(environments: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Environments in one: where they differ, all the values there are."""
    together: dict[str, Any] = {}
    for name in dict.fromkeys(name for environment in environments for name in environment):
        different = []
        for environment in environments:
            if name in environment and environment[name] not in different:
                different.append(environment[name])
        together[name] = different[0] if len(different) == 1 else different
    return together
