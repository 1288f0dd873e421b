"""Workflow commands of GitHub Actions: an annotation for the run, and one for each of the first failing cases."""

from collections.abc import Iterator
from pathlib import PurePath

from rnncli.core.records import CaseRecord, RunRecord, Verdict, printable
from rnncli.core.summary import arguments, conclusion, reason

MOST_ANNOTATIONS = 9  # of cases: GitHub shows ten of a step


def render(record: RunRecord) -> Iterator[str]:
    """A line for each annotation."""
    tally = record.tally
    kind = "error" if not record.passed else "notice" if record.verdict == Verdict.MATCH else "warning"
    yield f"::{kind} title={_property(f'rnncli {record.command}')}::{_data(conclusion(record))}\n"
    for at in tally.failing[:MOST_ANNOTATIONS]:
        case = record.cases[at]
        lines = [f"{arguments(case)}: {reason(case)}"]
        lines += [f"fix: {found.fix}" for found in case.diagnosis or ()]
        lines += [f"replay: {case.replay}"] if case.replay else []
        title = f"{case.candidate} [{case.id}]"
        yield f"::error {_file(case)}title={_property(title)}::{_data(chr(10).join(lines))}\n"


def _file(case: CaseRecord) -> str:
    """Where the candidate is, for the annotation to stand beside it."""
    path = PurePath(case.candidate.rpartition(":")[0])
    return f"file={_property(str(path))}," if path.suffix == ".py" else ""


def _data(text: str) -> str:
    """A message: what would end it is written as the runner reads it."""
    return printable(text).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
