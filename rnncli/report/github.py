"""Workflow commands of GitHub Actions: an annotation for the run, and one for each of the first failing cases."""

from collections.abc import Iterator
from pathlib import PurePath

from rnncli.core.records import RunRecord, Verdict, printable
from rnncli.core.summary import arguments, conclusion, reason

MOST_ANNOTATIONS = 9  # of cases: GitHub shows ten of a step


def render(record: RunRecord) -> Iterator[str]:
    """Yield a line for each annotation."""
    kind = "error" if not record.passed else "notice" if record.verdict == Verdict.MATCH else "warning"
    yield f"::{kind} title={_property(f'rnncli {record.command}')}::{_data(conclusion(record))}\n"
    for case in (record.cases[at] for at in record.tally.failing[:MOST_ANNOTATIONS]):
        lines = [f"{arguments(case)}: {reason(case)}", *(f"fix: {found.fix}" for found in case.diagnosis or ())]
        lines += [f"replay: {case.replay}"] if case.replay else []
        path = PurePath(case.candidate.rpartition(":")[0])  # for the annotation to stand beside it
        file = f"file={_property(str(path))}," if path.suffix == ".py" else ""
        title = _property(f"{case.candidate} [{case.id}]")
        yield f"::error {file}title={title}::{_data(chr(10).join(lines))}\n"


def _data(text: str) -> str:
    """A message: what would end it is written as the runner reads it."""
    return printable(text).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
