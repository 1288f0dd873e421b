"""One page that holds a whole run and needs no network: the verdict, what is wrong and the fix, a table of cases, and
each case in full.

The first cases stand in the page as they are, for a reader without scripts. All of them are in it compressed, some
together, and unpacked when one is opened: ten thousand cases are a few megabytes.
"""

import base64
import json
import math
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rnncli.core import parity, summary, words
from rnncli.core.records import CaseRecord, RunRecord, Timing, Verdict, printable
from rnncli.core.tally import leaves_of
from rnncli.report.failures import Failures, Group, in_short
from rnncli.report.over_time import Course, courses, scale_of

TOGETHER = 64  # cases that are compressed, and unpacked, as one
IN_FULL = 10  # cases that stand in the page as they are: failing ones first
LONG = 20  # characters of a word from which on it may be broken after a sign, as a path is after "/"
LONG_WORD = re.compile(rf"(\S{{{LONG + 1},}})")
AFTER_A_SIGN = re.compile(r"(?<=[/_.:,=-])")
PICTURE = 320, 96  # of one direction's error over time
BAR = 120  # the longest
FIRST_COLUMNS, ALWAYS_SHOWN = ("verdict", "case"), ("passes at", "why")  # though all be alike


def render(record: RunRecord) -> Iterator[str]:
    """Yield the page, in pieces."""
    templates = _templates()
    detail: Callable[..., str] = templates.get_template("case.html").module.detail  # type: ignore[attr-defined]
    cases = Cases(record, lambda case: detail(case, record.command))
    packed = list(cases.packed()) if cases.count > 1 else []  # what heads the page is known when all cases are read
    groups = cases.failures.groups()
    page = templates.get_template("page.html").stream(
        record=record,
        headline=headline(record),
        common=summary.common(record.tally) if len(groups) > 1 else None,
        by_argument=list(summary.by_argument(record.tally)) if len(record.tally.failing) > 1 else [],
        bounded=any(map(math.isfinite, record.tally.worst.values())),
        cases=cases,
        packed=packed,
        groups=groups,
        in_full=_in_full(record, groups),
    )
    page.enable_buffering(200)
    for piece in page:  # whatever the encoding of what it is written to
        yield piece.encode("ascii", "xmlcharrefreplace").decode()


def headline(record: RunRecord) -> tuple[str, str]:
    """Return what a run comes to in a word or two, and whether that is good, bad or open."""
    tally = record.tally
    amiss = {
        "mismatch": record.verdict == Verdict.MISMATCH,
        "failed to run": tally.kinds,
        "incomplete": record.missing or record.unjudged,
        "too slow": any(gate.failed for gate in record.gates or ()),
        "not every fault would be seen": tally.unseen,
        "nothing was compared": record.command == "verify" and tally.cases and not tally.compared,
        "not all could be compared": not record.passed,
    }
    for said, holds in amiss.items():
        if holds:
            return said, "open" if record.passed else "bad"
    done = {"bench": "timed", "power": "every fault would be seen", "verify": record.verdict}
    return done.get(record.command) or "done", "good"


def state(case: CaseRecord) -> str:
    """Return what a case came to, in a word."""
    return "failed" if case.error else case.verdict or "done"


def _in_full(record: RunRecord, groups: Sequence[Group]) -> list[CaseRecord]:
    """The cases that are readable without scripts: the first of each group of failures, then other failing ones."""
    first = [group.places[0] for group in groups]
    places = [*first, *record.tally.failing[:IN_FULL], *range(min(len(record.cases), 2 * IN_FULL))]
    return [record.cases[at] for at in list(dict.fromkeys(places))[:IN_FULL]]


class Cases:
    """All cases of a run, read once: by `packed`; then `index` and `failures` tell what was seen of them."""

    def __init__(self, record: RunRecord, detail: Callable[[CaseRecord], str]) -> None:
        self._cases, self._detail, self.count = record.cases, detail, len(record.cases)
        self._values: dict[str, dict[str, int]] = {}  # of each column, each once
        self._rows: dict[str, list[int]] = {}  # of each column, which value every row has
        self._seen = 0
        self.failures = Failures()

    def packed(self) -> Iterator[Markup]:
        """Yield the details of TOGETHER cases at a time: a JSON list of HTML, compressed by zlib, in base64."""
        left = iter(self._cases)
        while together := list(islice(left, TOGETHER)):
            for case in together:
                self._see(case)
            details = json.dumps([self._detail(case) for case in together], ensure_ascii=False)
            yield Markup(base64.b64encode(zlib.compress(details.encode(), 9)).decode())  # base64 has no markup

    def index(self) -> Markup:
        """Return the table of cases as JSON: the columns in which cases differ, with their values, and each row's."""
        told = [
            name
            for name, values in self._values.items()
            if len(values) > 1 or name in FIRST_COLUMNS or (name in ALWAYS_SHOWN and set(values) - {"", "none"})
        ]
        told.sort(key=lambda name: name == "why")  # the longest comes last
        index = {
            "together": TOGETHER,
            "columns": [{"name": name, "values": list(self._values[name])} for name in told],
            "rows": list(zip(*(self._rows[name] for name in told), strict=True)),
            "alike": {name: next(iter(values)) for name, values in self._values.items() if name not in told},
            "groups": [group.places for group in self.failures.groups()],
        }
        text = json.dumps(index, separators=(",", ":"))
        return Markup(text.replace("<", "\\u003c"))  # in a script element nothing else ends it

    def _see(self, case: CaseRecord) -> None:
        cells = {"verdict": state(case), "case": case.id}
        cells |= {summary.short(leaf): value for leaf, value in leaves_of(case.config) if leaf != "candidate"}
        why = summary.reason(case) if case.verdict == Verdict.NOT_COMPARABLE else ""
        cells |= {"candidate": case.candidate, **_figures(case), "why": in_short(case) if case.failed else why}
        if case.failed:
            self.failures.add(self._seen, case)
        for name in dict.fromkeys([*self._values, *cells]):  # what a case has not is empty
            values, rows = self._values.setdefault(name, {}), self._rows.setdefault(name, [])
            if len(rows) < self._seen:
                rows += [values.setdefault("", len(values))] * (self._seen - len(rows))
            rows.append(values.setdefault(printable(cells.get(name, "")), len(values)))
        self._seen += 1


def _figures(case: CaseRecord) -> dict[str, str]:
    decisive = [of.decisive for of in parity.by_tensor(case.checks or ())]
    judged = [check.passes_at for check in decisive if check.verdict != Verdict.NOT_COMPARABLE]
    figures = {"passes at": words.tolerance(max(judged))} if judged else {}
    timings = case.timing or ()
    for timing in timings:
        ratio = timing.ratio_to_reference
        if timing.pass_ == timings[-1].pass_ and ratio and not timing.is_reference:
            figures[f"{words.implementation(timing.implementation, case)}, {timing.pass_}"] = words.ratio_to(ratio)
    if case.faults:
        figures["not visible"] = str(sum(fault.status == "not-visible" for fault in case.faults))
    return figures


@dataclass(frozen=True)
class Line:
    """A line of a picture: its path in an SVG of PICTURE's size, and where a step is not finite."""

    name: str
    kind: str
    path: str
    area: str
    beyond: list[int]


@dataclass(frozen=True)
class Picture:
    """The error over time of one direction, drawn and in figures: a row for each part of the steps."""

    direction: str
    lines: list[Line]
    ticks: list[tuple[int, str]]
    rows: list[tuple[str, list[str]]]
    last: int  # step


@dataclass(frozen=True)
class Bar:
    """A ratio drawn: how far it reaches, where its spread lies, and where one is."""

    one: int
    mid: int
    low: int
    high: int


def bars(timings: Sequence[Timing]) -> list[tuple[Timing, Bar | None]]:
    """Return timings, each with its ratio to nn.RNN's time as a bar; all have one scale."""
    scale = BAR / max([1.2, *(words.spread(timing)[1] for timing in timings)])
    drawn: list[tuple[Timing, Bar | None]] = []
    for timing in timings:
        ratio = timing.ratio_to_reference
        one, mid, low, high = (round(end * scale) for end in (1.0, ratio or 0.0, *words.spread(timing)))
        drawn.append((timing, None if ratio is None else Bar(one, mid, low, max(high, low + 1))))
    return drawn


def picture(course: Course) -> Picture:
    """Return a course as stairs over a logarithmic axis; zero is at its foot."""
    lines = course.shown()
    scale = scale_of(list(lines.values()))
    low, high = (math.floor(math.log10(scale[0])), math.ceil(math.log10(scale[1]))) if scale else (-1, 0)
    high = max(high, low + 1)
    rows = []
    for at, (span, shown) in enumerate(course.parts()):
        of_them = f"{shown} of {span.start} to {span.stop - 1}" if len(span) > 1 else str(shown)
        rows.append((of_them, [words.number(values[at]) for values in lines.values()]))
    ticks = [(_height(10.0**decade, low, high), f"1e{decade:+03d}") for decade in (high, low)]
    drawn = [_line(name, values, low, high) for name, values in lines.items()]
    return Picture(course.direction, drawn, ticks, rows, len(course.error) - 1)


def _line(name: str, values: Sequence[float | None], low: int, high: int) -> Line:
    width, height = PICTURE
    edges = [round(width * at / len(values)) for at in range(len(values) + 1)]
    path, area, beyond = "", "", []
    for at, value in enumerate(values):
        if value is None:
            beyond.append((edges[at] + edges[at + 1]) // 2)
            continue
        top = _height(value, low, high)
        path += f"{f'M{edges[at]} ' if at == 0 or values[at - 1] is None else 'V'}{top}H{edges[at + 1]}"
        area += f"M{edges[at]} {height}V{top}H{edges[at + 1]}V{height}z"
    return Line(name, name if name in ("error", "allowed") else "own", path, area if name == "allowed" else "", beyond)


def _height(value: float, low: int, high: int) -> int:
    return round(PICTURE[1] * min(1.0, (high - math.log10(value)) / (high - low))) if value > 0 else PICTURE[1]


def _printable(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Markup) and not value.isprintable():
        return printable(value)
    return value


@lru_cache(1000)
def _breakable(text: str) -> Markup:
    """Text whose long words, as paths and names are, may be broken after a sign and nowhere else."""
    parts = LONG_WORD.split(printable(text))
    return Markup("").join(_with_breaks(part) if at % 2 else part for at, part in enumerate(parts))


def _with_breaks(word: str) -> Markup:
    return Markup("<wbr>").join(filter(None, AFTER_A_SIGN.split(word)))


@lru_cache(1000)
def _coded(text: str) -> Markup:
    parts = re.split(r"`([^`\n]+)`|(?<!\S)(--[\w-]+)", printable(text))
    said, code, flag = parts[::3], parts[1::3], parts[2::3]
    marked = [_whole("code", it) if it else _whole("span", other or "") for it, other in zip(code, flag, strict=True)]
    return Markup("").join(piece for pair in zip_longest(said, marked, fillvalue="") for piece in pair)


@lru_cache(1000)
def _command(text: str) -> Markup:
    parts = printable(text).split(" ")
    return Markup(" ").join(_with_breaks(word) if len(word) > 2 * LONG else _whole("span", word) for word in parts)


def _whole(tag: str, text: str) -> Markup:
    return Markup('<{0} class="whole">{1}</{0}>').format(Markup(tag), text)


@cache
def _templates() -> Environment:
    page = Path(__file__).parent / "page"
    found = Environment(
        loader=FileSystemLoader(page),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    found.globals.update(parity=parity, words=words, summary=summary, state=state, size=PICTURE, width=BAR, bars=bars)
    found.globals["pictures"] = lambda check, layer: [picture(course) for course in courses(check, layer)]
    found.globals["part"] = lambda name: Markup((page / name).read_text(encoding="utf-8"))  # ours
    found.filters.update(breakable=_breakable, coded=_coded, command=_command)
    return found
