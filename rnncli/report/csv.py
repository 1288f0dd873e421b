"""A row for each case, for a spreadsheet: every leaf of its config, its verdict, and why."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import fields

from rnncli.core.records import CaseRecord, RunRecord, Timing, Verdict, printable
from rnncli.core.summary import reason, short
from rnncli.core.tally import leaves_of
from rnncli.core.words import not_compared

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would calculate


def render(record: RunRecord) -> Iterator[str]:
    """Yield a head and a row for each case; of `bench`, for each pass of each implementation."""
    timed = record.command == "bench"
    for at, case in enumerate(record.cases):
        if at == 0:
            yield _line(_timing(case, None) if timed else _row(case))
        rows = (_timing(case, timing) for timing in case.timing or ()) if timed else [_row(case)]
        yield from (_line(row.values()) for row in rows)


def _row(case: CaseRecord) -> dict[str, str]:
    failed = case.failed or case.verdict == Verdict.NOT_COMPARABLE
    return {
        "id": case.id,
        "verdict": "failed" if case.error else case.verdict or "",
        "candidate": case.candidate,
        **{short(leaf): value for leaf, value in leaves_of(case.config) if leaf != "candidate"},
        "differing": " ".join(case.tensors(Verdict.MISMATCH)),
        "why": reason(case) if failed else "; ".join(not_compared(case)),
        "diagnosis": " ".join(found.id for found in case.diagnosis or ()),
        "replay": case.replay or "",
    }


def _timing(case: CaseRecord, timing: Timing | None) -> dict[str, str]:
    leaves = {short(leaf): value for leaf, value in leaves_of(case.config) if leaf not in ("candidate", "expect")}
    values = {entry.name.removesuffix("_"): getattr(timing, entry.name, None) for entry in fields(Timing)}
    told = {name: "" if value is None else str(value) for name, value in values.items()}
    return {"id": case.id, "candidate": case.candidate, **leaves, **told}


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_cell(cell) for cell in cells])
    return line.getvalue()


def _cell(value: str) -> str:
    """A cell on one line that no spreadsheet takes for a formula."""
    text = " ".join(printable(value).split())
    return f"'{text}" if text.startswith(FORMULA) else text
