"""A row for each case, for a spreadsheet: every leaf of its config, its verdict, and why."""

import csv
import io
from collections.abc import Iterable, Iterator

from rnncli.records import RunRecord, Verdict, leaves_of, printable
from rnncli.report.summary import reason, short

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would calculate


def render(record: RunRecord) -> Iterator[str]:
    """A head and a row for each case."""
    written = False
    for case in record.cases:
        leaves = {short(leaf): value for leaf, value in leaves_of(case.config) if leaf != "candidate"}
        wrong = dict.fromkeys(check.tensor for check in case.checks or () if check.verdict == Verdict.MISMATCH)
        row = {
            "id": case.id,
            "verdict": "failed" if case.error else case.verdict or "",
            "candidate": case.candidate,
            **leaves,
            "differing": " ".join(wrong),
            "why": reason(case) if case.failed or case.verdict == Verdict.NOT_COMPARABLE else "",
            "diagnosis": " ".join(found.id for found in case.diagnosis or ()),
            "replay": case.replay or "",
        }
        if not written:
            yield _line(row)
            written = True
        yield _line(row.values())


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_cell(cell) for cell in cells])
    return line.getvalue()


def _cell(value: str) -> str:
    """A cell on one line that no spreadsheet takes for a formula."""
    text = " ".join(printable(value).split())
    return f"'{text}" if text.startswith(FORMULA) else text
