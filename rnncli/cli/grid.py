"""Many cases: chosen by filters and shards, listed, run, and what is left of a run that did not come to its end."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncli.cli.messages import tell
from rnncli.cli.options import as_number
from rnncli.cli.output import STDOUT, write_text
from rnncli.core.errors import INTERRUPTIONS, ConfigError, ExitCode, ReaderGoneError, UnavailableError

if TYPE_CHECKING:
    from rnncli.config.cases import Config, Flag
    from rnncli.config.selection import Selection
    from rnncli.core.records import CaseRecord, RunRecord
    from rnncli.execution.dask import Cluster
    from rnncli.pipeline.grid import GridRun
    from rnncli.pipeline.verify import VerifyOptions

LISTED_AS = ("table", "json", "jsonl", "csv")
MOST_SHRUNK = 5  # mismatches: the next ones of a grid seldom tell more, and each may take seconds


def whole_number(flag: str, text: str | None) -> int | None:
    """The number given with a flag. Raises ConfigError."""
    if text is None:
        return None
    number = as_number(text, int)
    if isinstance(number, str) or not 1 <= number <= 1_000_000:
        shown = f'"{number}"' if isinstance(number, str) else number
        raise ConfigError(f"{flag}: {shown} is not allowed; allowed: an integer from 1 to 1000000")
    return int(number)


def chosen(
    paths: "Sequence[Path | None]", flags: "dict[str, Flag]", filters: Iterable[str], shard: str | None
) -> "tuple[list[Config], Selection]":
    """The configs with the flags applied, and those of their cases that are to be run. Raises ConfigError."""
    from rnncli.cli.candidates import load
    from rnncli.config.selection import Filter, Selection, parse_shard

    conditions = [Filter.parse(text) for text in filters]
    turn = parse_shard(shard) if shard is not None else None
    loaded = [load(path, flags, with_values=True) for path in paths]
    return loaded, Selection(loaded, conditions, turn)


def list_cases(selection: "Selection", format: str, output: Path | None) -> None:
    """Write the cases without running them: for each a line with its id and what tells it from the others."""
    if format == "table":
        write_text((f"{case.id}  {selection.described(case)}".rstrip() + "\n" for case in selection), output)
    else:
        from rnncli.core.environment import static_environment
        from rnncli.core.records import RunRecord
        from rnncli.report import renderer

        record = RunRecord(command="verify", environment=static_environment(), verdict=None, cases=_NotRun(selection))
        write_text(renderer(format)(record), output)
    tell(f"{_cases(len(selection))}")


class _NotRun(Sequence[Any]):
    """The records of cases that are not run."""

    def __init__(self, selection: "Selection") -> None:
        self._selection = selection

    def __len__(self) -> int:
        return len(self._selection)

    def __iter__(self) -> Iterator[Any]:
        from rnncli.core.records import CaseRecord

        return (CaseRecord(id=case.id, config=case.config, verdict=None) for case in self._selection)

    def __getitem__(self, place: Any) -> Any:
        return next(islice(self, place, None))


@dataclass(frozen=True)
class Ended:
    """How a run of many cases ended: all there is of results, to be closed, and the shrunk first mismatches."""

    record: "RunRecord"
    run: "GridRun"
    shrunk: "Sequence[CaseRecord]"
    early: ExitCode | None  # where it was ended from outside


def run_grid(
    selection: "Selection",
    options: "VerifyOptions",
    format: str,
    output: Path | None,
    strict: bool,
    jobs: int | None,
    resume: bool,
    max_failures: int | None,
    cluster: "Cluster | None" = None,
) -> Ended:
    """Run the cases, here or on a cluster; as jsonl, each is written as soon as it is judged."""
    from rnncli.cli.interrupt import exit_code_of
    from rnncli.cli.progress import with_progress
    from rnncli.core.records import RunRecord
    from rnncli.pipeline.grid import GridRun

    is_file = output not in (None, STDOUT) and (output.is_file() or not output.exists())  # and no device
    lasting = output if format == "jsonl" and is_file else None
    run = GridRun(selection, options, jobs, lasting, resume, cluster)
    if selection.twice:
        tell(f"{_cases(selection.twice)} given twice, run once")
    if not len(selection):
        tell(f"this shard has none of {_cases(selection.whole)}")
    if resume:
        tell(f"{len(run.done)} of {_cases(len(selection))} are in {output}")
    why, shrunk, early = "", [], None
    try:
        with run:
            for outcome in with_progress(run.outcomes(), len(selection) - len(run.done)):
                if format == "jsonl" and lasting is None:
                    write_text(outcome.line, output)
                if run.failures == max_failures:
                    why = f"stopped after {run.failures} failing"
                    break
            else:
                shrunk = run.shrink(MOST_SHRUNK)
    except KeyboardInterrupt as error:
        early = exit_code_of(error)
        why = INTERRUPTIONS[early]
    except UnavailableError as error:  # of the cluster: what a case lacks is told in its record
        why, early = "; ".join(str(error).splitlines()), error.exit_code
    except ReaderGoneError:
        why = "nobody reads the output any more"
    try:
        run.journal.require_kept()
    except ConfigError:
        run.journal.close()
        raise
    results = run.journal.results()
    missing = []
    if len(results) < len(selection):
        again = "; the same command with --resume goes on" if lasting else ""
        missing = [f"{why}: {len(results)} of {_cases(len(selection))} were finished{again}"]
    record = RunRecord.of("verify", run.environment, results, missing, strict)
    return Ended(record, run, shrunk, early)


@contextmanager
def on_cluster(address: str, selection: "Selection", options: "VerifyOptions") -> "Iterator[Cluster]":
    """The cluster that the cases are to run on. Raises UnavailableError where none of its workers may judge them."""
    from rnncli.execution.dask import WORKERS_S, Cluster
    from rnncli.pipeline.grid import CASE_TIMEOUTS

    with Cluster(address, selection.targets, CASE_TIMEOUTS * options.timeout_s) as cluster:
        if not cluster.threads:
            tell(f"{address} has no workers; waiting up to {WORKERS_S:g} s for one")
        cluster.prepare()
        yield cluster


def _cases(count: int) -> str:
    return f"{count} case{'' if count == 1 else 's'}"
