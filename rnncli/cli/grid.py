"""Many cases: chosen by filters and shards, listed, run, and what is left of a run that did not come to its end."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncli.cli.messages import tell
from rnncli.cli.output import STDOUT, write_text
from rnncli.core.errors import INTERRUPTIONS, ExitCode, ReaderGoneError, UnavailableError
from rnncli.core.records import CaseRecord, RunRecord
from rnncli.core.summary import cases

if TYPE_CHECKING:
    from rnncli.cli.verify import Asked
    from rnncli.config.cases import Flag
    from rnncli.config.grid import Grid
    from rnncli.config.selection import Selection
    from rnncli.execution.dask import Cluster
    from rnncli.pipeline.grid import GridRun
    from rnncli.pipeline.verify import VerifyOptions

LISTED_AS = ("table", "json", "jsonl", "csv")
MOST_SHRUNK = 5  # mismatches: the next ones of a grid seldom tell more, and each may take seconds


def chosen(
    paths: "Sequence[Path | None]", flags: "dict[str, Flag]", filters: Iterable[str], shard: str | None
) -> "tuple[list[Grid], Selection]":
    """Return the configs with the flags applied, and those of their cases that are to be run. Raises ConfigError."""
    from rnncli.cli.candidates import load
    from rnncli.config.selection import Filter, Selection, parse_shard

    conditions = [Filter.parse(text) for text in filters]
    turn = parse_shard(shard) if shard is not None else None
    loaded = [load(path, flags, with_values=True) for path in paths]
    return loaded, Selection(loaded, conditions, turn)


def list_cases(selection: "Selection", format: str, output: Path | None) -> None:
    """Write the cases without running them: for each a line with its id and what tells it from the others."""
    from rnncli.core.environment import static_environment
    from rnncli.report import renderer

    if format == "table":
        lines: Iterable[str] = (f"{case.id}  {selection.described(case)}".rstrip() + "\n" for case in selection)
    else:
        record = RunRecord(command="verify", environment=static_environment(), verdict=None, cases=_NotRun(selection))
        lines = renderer(format)(record)
    write_text(lines, output)
    tell(cases(len(selection)))


class _NotRun(Sequence[Any]):
    def __init__(self, selection: "Selection") -> None:
        self._selection = selection

    def __len__(self) -> int:
        return len(self._selection)

    def __iter__(self) -> Iterator[Any]:
        return (CaseRecord(id=case.id, config=case.config, verdict=None) for case in self._selection)

    def __getitem__(self, place: Any) -> Any:
        return next(islice(self, place, None))


@contextmanager
def run_grid(
    selection: "Selection", options: "VerifyOptions", asked: "Asked"
) -> Iterator[tuple[RunRecord, Iterable[CaseRecord], ExitCode | None]]:
    """Run the cases, here or on a cluster; as jsonl, each is written as soon as it is judged.

    Enter with the record, its failing cases, the first of them shrunk, and the exit code where a signal or the cluster
    ended the run. The results can be read until the context is left.
    """
    from rnncli.pipeline.grid import GridRun

    is_file = asked.output not in (None, STDOUT) and (asked.output.is_file() or not asked.output.exists())
    lasting = asked.output if asked.format == "jsonl" and is_file else None  # and no device
    with _cluster(asked.dask, selection, options) if asked.dask else nullcontext() as cluster:
        run = GridRun(selection, options, asked.jobs, lasting, asked.resume, cluster)
        if selection.twice:
            tell(f"{cases(selection.twice)} given twice, run once")
        if not len(selection):
            tell(f"this shard has none of {cases(selection.whole)}")
        if asked.resume:
            tell(f"{len(run.done)} of {cases(len(selection))} are in {asked.output}")
        why, shrunk, early = _run(run, asked, lasting, len(selection) - len(run.done))
    try:
        run.journal.require_kept()
        results, missing = run.journal.results(), []
        if len(results) < len(selection):
            again = "; the same command with --resume goes on" if lasting else ""
            missing = [f"{why}: {len(results)} of {cases(len(selection))} were finished{again}"]
        record = RunRecord.of("verify", run.environment, results, missing, asked.strict)
        small = {case.id: case for case in shrunk}
        failing = (record.cases[at] for at in record.tally.failing)
        yield record, (small.get(case.id, case) for case in failing), early
    finally:
        run.journal.close()


def _run(
    run: "GridRun", asked: "Asked", lasting: Path | None, count: int
) -> tuple[str, Sequence[CaseRecord], ExitCode | None]:
    """Return why the run ended early, its first mismatches shrunk, and the exit code of what ended it."""
    from rnncli.cli.interrupt import exit_code_of
    from rnncli.cli.progress import with_progress

    most = 1 if asked.fail_fast else asked.max_failures
    try:
        with run:
            for outcome in with_progress(run.outcomes(), count):
                if asked.format == "jsonl" and lasting is None:
                    write_text(outcome.line, asked.output)
                if run.failures == most:
                    return f"stopped after {run.failures} failing", [], None
            return "", run.shrink(MOST_SHRUNK), None
    except KeyboardInterrupt as error:
        early = exit_code_of(error)
        return INTERRUPTIONS[early], [], early
    except UnavailableError as error:  # of the cluster: what a case lacks is told in its record
        return "; ".join(str(error).splitlines()), [], error.exit_code
    except ReaderGoneError:
        return "nobody reads the output any more", [], None


@contextmanager
def _cluster(address: str, selection: "Selection", options: "VerifyOptions") -> "Iterator[Cluster]":
    from rnncli.execution.dask import WORKERS_S, Cluster
    from rnncli.pipeline.grid import CASE_TIMEOUTS

    with Cluster(address, selection.targets, CASE_TIMEOUTS * options.timeout_s) as cluster:
        if not cluster.threads:
            tell(f"{address} has no workers; waiting up to {WORKERS_S:g} s for one")
        cluster.prepare()
        yield cluster
