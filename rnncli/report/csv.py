"""A row for each case, for a spreadsheet: every leaf of its config, its verdict, and why."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import fields

from rnncli.core.records import RunRecord, Timing, Verdict, leaves_of, printable
from rnncli.core.summary import reason, short

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would calculate


def render(record: RunRecord) -> Iterator[str]:
    """A head and a row for each case; of `bench`, for each pass of each implementation."""
    if record.command == "bench":
        yield from _timings(record)
        return
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


def _timings(record: RunRecord) -> Iterator[str]:
    names = [entry.name for entry in fields(Timing)]
    head = ["id", "candidate", *(short(leaf) for leaf, _ in _leaves(record)), *(n.removesuffix("_") for n in names)]
    yield _line(head)
    for case in record.cases:
        leaves = [value for leaf, value in leaves_of(case.config) if leaf not in ("candidate", "expect")]
        for timing in case.timing or ():
            values = (getattr(timing, name) for name in names)
            yield _line([case.id, case.candidate, *leaves, *("" if v is None else str(v) for v in values)])


def _leaves(record: RunRecord) -> Iterator[tuple[str, str]]:
    if len(record.cases):
        yield from ((leaf, v) for leaf, v in leaves_of(record.cases[0].config) if leaf not in ("candidate", "expect"))


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_cell(cell) for cell in cells])
    return line.getvalue()


def _cell(value: str) -> str:
    """A cell on one line that no spreadsheet takes for a formula."""
    text = " ".join(printable(value).split())
    return f"'{text}" if text.startswith(FORMULA) else text
