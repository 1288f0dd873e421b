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
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rnncli.core import summary, words
from rnncli.core.records import CaseRecord, RunRecord, Timing, Verdict, leaves_of, printable
from rnncli.report.failures import Failures, Group, in_short
from rnncli.report.over_time import Course, courses, scale_of

TOGETHER = 64  # cases that are compressed, and unpacked, as one
IN_FULL = 10  # cases that stand in the page as they are: failing ones first
LONG = 20  # characters of a word from which on it may be broken after a sign, as a path is after "/"
LONG_WORD = re.compile(rf"(\S{{{LONG + 1},}})")
AFTER_A_SIGN = re.compile(r"(?<=[/_.:,=-])")
PICTURE = 320, 96  # of one direction's error over time
BAR = 120  # the longest
KINDS = {"error": "error", "nn.RNN's own": "own", "allowed": "allowed"}


def render(record: RunRecord) -> Iterator[str]:
    """The page, in pieces."""
    detail = _macro("case.html", "detail")
    cases = Cases(record, lambda case: detail(case, record.command))
    packed = list(cases.packed()) if cases.count > 1 else []  # what heads the page is known when all cases are read
    groups = cases.failures.groups()
    page = (
        _templates()
        .get_template("page.html")
        .stream(
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
    )
    page.enable_buffering(200)
    for piece in page:  # whatever the encoding of what it is written to
        yield piece.encode("ascii", "xmlcharrefreplace").decode()


def headline(record: RunRecord) -> tuple[str, str]:
    """What a run comes to in a word or two, and whether that is good, bad or open."""
    tally = record.tally
    if record.verdict == Verdict.MISMATCH:
        return "mismatch", "bad"
    if tally.kinds:
        return "failed to run", "bad"
    if record.missing or record.unjudged:
        return "incomplete", "bad"
    if any(gate.failed for gate in record.gates or ()):
        return "too slow", "bad"
    if tally.unseen:
        return "not every fault would be seen", "bad" if record.strict else "open"
    if record.command == "verify" and tally.cases and not tally.compared:
        return "nothing was compared", "bad"
    if not record.passed:
        return "not all could be compared", "bad"
    if record.command == "verify":
        return (record.verdict or "done"), "good"
    return {"bench": "timed", "power": "every fault would be seen"}.get(record.command, "done"), "good"


def state(case: CaseRecord) -> str:
    """What a case came to, in a word."""
    return "failed" if case.error else case.verdict or "done"


def _in_full(record: RunRecord, groups: Sequence[Group]) -> list[CaseRecord]:
    """The cases that are readable without scripts: the first of each group of failures, then other failing ones."""
    first = [group.places[0] for group in groups]
    failing = list(dict.fromkeys(first + record.tally.failing[:IN_FULL]))[:IN_FULL]
    taken = set(failing)
    others = (at for at in range(min(len(record.cases), 2 * IN_FULL)) if at not in taken)
    places = failing + [at for at, _ in zip(others, range(IN_FULL - len(failing)), strict=False)]
    return [record.cases[at] for at in places]


class Cases:
    """All cases of a run, read once: by `packed`; then `index` and `failures` tell what was seen of them."""

    def __init__(self, record: RunRecord, detail: Callable[[CaseRecord], str]) -> None:
        self._record, self._detail = record, detail
        self._columns: dict[str, _Column] = defaultdict(_Column)
        self._seen = 0
        self.failures = Failures()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._record.cases)

    def packed(self) -> Iterator[Markup]:
        """The details of TOGETHER cases at a time: a JSON list of HTML, compressed by zlib, in base64."""
        left = iter(self._record.cases)
        while together := list(islice(left, TOGETHER)):
            for case in together:
                self._see(case)
            details = [self._detail(case) for case in together]
            packed = zlib.compress(json.dumps(details, ensure_ascii=False).encode(), 9)
            yield Markup(base64.b64encode(packed).decode())  # base64 has no markup

    def index(self) -> Markup:
        """The table of cases as JSON: the columns in which cases differ, with their values, and of each row which."""
        told = {
            name: column
            for name, column in self._columns.items()
            if len(column.values) > 1
            or name in ("verdict", "case")
            or (name in ALWAYS_SHOWN and set(column.values) - {"", "none"})
        }
        if "why" in told:
            told["why"] = told.pop("why")  # the longest comes last
        columns = [{"name": name, "values": [*column.values]} for name, column in told.items()]
        rows = list(zip(*(column.rows for column in told.values()), strict=True))
        alike = {name: next(iter(column.values)) for name, column in self._columns.items() if name not in told}
        groups = [group.places for group in self.failures.groups()]
        index = {"together": TOGETHER, "columns": columns, "rows": rows, "alike": alike, "groups": groups}
        text = json.dumps(index, separators=(",", ":"))
        return Markup(text.replace("<", "\\u003c"))  # in a script element nothing else ends it

    def _see(self, case: CaseRecord) -> None:
        cells = {"verdict": state(case), "case": case.id}
        cells |= {summary.short(leaf): value for leaf, value in leaves_of(case.config) if leaf != "candidate"}
        cells |= {"candidate": case.candidate} | _figures(case)
        cells["why"] = _why(case)
        if case.failed:
            self.failures.add(self._seen, case)
        for name, text in cells.items():
            self._columns[name].add(printable(text), self._seen)
        self._seen += 1
        for column in self._columns.values():  # what a case has not is empty
            if len(column.rows) < self._seen:
                column.add("", self._seen - 1)


def _why(case: CaseRecord) -> str:
    if case.failed:
        return in_short(case)
    return summary.reason(case) if case.verdict == Verdict.NOT_COMPARABLE else ""


ALWAYS_SHOWN = ("passes at", "why")  # though all be alike


@dataclass
class _Column:
    """The values of a column, each once, and of every row which of them it has."""

    values: dict[str, int] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)

    def add(self, value: str, row: int) -> None:
        while len(self.rows) < row:
            self.rows.append(self.values.setdefault("", len(self.values)))
        self.rows.append(self.values.setdefault(value, len(self.values)))


def _figures(case: CaseRecord) -> dict[str, str]:
    """The few figures of a case that are worth sorting by."""
    decisive = [of.decisive for of in words.by_tensor(case.checks or ())]
    judged = [check.passes_at for check in decisive if check.verdict != Verdict.NOT_COMPARABLE]
    figures = {"passes at": words.tolerance(max(judged))} if judged else {}
    last = (case.timing or [None])[-1]
    for timing in case.timing or ():
        if last and timing.pass_ == last.pass_ and timing.ratio_to_reference and not timing.is_reference:
            figures[f"{_own(timing, case)}, {timing.pass_}"] = f"{timing.ratio_to_reference:.2f}"
    if case.faults:
        figures["not visible"] = str(sum(fault.status == "not-visible" for fault in case.faults))
    return figures


def _own(timing: Timing, case: CaseRecord) -> str:
    """An implementation's name; of a user's own, that it is the candidate."""
    name = timing.implementation
    return name.replace(case.candidate, "candidate") if ":" in case.candidate else name


# -- pictures --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A line of a picture: its path in an SVG of PICTURE's size, and where a step is not finite."""

    name: str
    kind: str
    path: str
    area: str
    beyond: tuple[int, ...]


@dataclass(frozen=True)
class Picture:
    """The error over time of one direction, drawn and in figures: a row for each part of the steps."""

    direction: str
    lines: list[Line]
    ticks: list[tuple[int, str]]
    rows: list[tuple[str, list[str]]]
    last: int  # step

    @property
    def has_envelope(self) -> bool:
        """Whether what the envelope allows is among the lines."""
        return any(line.kind == "allowed" for line in self.lines)


@dataclass(frozen=True)
class Bar:
    """A ratio drawn: how far it reaches in a width, where its spread lies, and where one is."""

    width: int
    one: int
    mid: int
    low: int
    high: int


def bars(timings: Sequence[Timing]) -> list[tuple[Timing, Bar | None]]:
    """Timings, each with its ratio to nn.RNN's time as a bar; all have one scale."""
    most = max([1.2, *(timing.ratio_high or timing.ratio_to_reference or 0.0 for timing in timings)])

    def at(ratio: float) -> int:
        return round(BAR * ratio / most)

    def bar(timing: Timing) -> Bar | None:
        mid = timing.ratio_to_reference
        if mid is None:
            return None
        low, high = timing.ratio_low or mid, timing.ratio_high or mid
        return Bar(BAR, at(1), at(mid), at(low), max(at(high), at(low) + 1))

    return [(timing, bar(timing)) for timing in timings]


def picture(course: Course) -> Picture:
    """A course as stairs over a logarithmic axis; zero is at its foot."""
    lines, parts = course.shown(), course.parts()
    scale = scale_of(list(lines.values()))
    low, high = (math.floor(math.log10(scale[0])), math.ceil(math.log10(scale[1]))) if scale else (-1, 0)
    high = max(high, low + 1)
    return Picture(
        course.direction,
        [_line(name, values, low, high) for name, values in lines.items()],
        [(_height(10.0**decade, low, high), f"1e{decade:+03d}") for decade in (high, low)],
        [
            (_span(span, shown), [words.number(values[at]) for values in lines.values()])
            for at, (span, shown) in enumerate(parts)
        ],
        len(course.error) - 1,
    )


def _line(name: str, values: Sequence[float | None], low: int, high: int) -> Line:
    width, height = PICTURE
    edges = [round(width * at / len(values)) for at in range(len(values) + 1)]
    path, area, pen = "", "", False
    for at, value in enumerate(values):
        if value is None:
            pen = False
            continue
        top = _height(value, low, high)
        path += f"{'V' if pen else f'M{edges[at]} '}{top}H{edges[at + 1]}"
        area += f"M{edges[at]} {height}V{top}H{edges[at + 1]}V{height}z"
        pen = True
    beyond = tuple((edges[at] + edges[at + 1]) // 2 for at, value in enumerate(values) if value is None)
    return Line(name, KINDS[name], path, area if name == "allowed" else "", beyond)


def _height(value: float, low: int, high: int) -> int:
    """How far from the top a value lies."""
    if value <= 0:
        return PICTURE[1]
    return round(PICTURE[1] * min(1.0, (high - math.log10(value)) / (high - low)))


def _span(span: range, shown: int) -> str:
    """The steps of a part, and which of them is shown."""
    return str(shown) if len(span) == 1 else f"{shown} of {span.start} to {span.stop - 1}"


# -- templates -------------------------------------------------------------------------------------------------------


def _printable(value: Any) -> Any:
    """What a template writes: text from elsewhere without what a browser would act on."""
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
    """A sentence in which what stands between backticks is code, and a flag is not broken."""
    parts = re.split(r"`([^`\n]+)`|(?<!\S)(--[\w-]+)", printable(text))
    said, code, flag = parts[::3], parts[1::3], parts[2::3]
    marked = [_whole("code", it) if it else _whole("span", other or "") for it, other in zip(code, flag, strict=True)]
    return Markup("").join(piece for pair in zip_longest(said, marked, fillvalue="") for piece in pair)


@lru_cache(1000)
def _command(text: str) -> Markup:
    """A command that may be broken between its words."""
    words = printable(text).split(" ")
    return Markup(" ").join(_with_breaks(word) if len(word) > 2 * LONG else _whole("span", word) for word in words)


def _whole(tag: str, text: str) -> Markup:
    return Markup('<{0} class="whole">{1}</{0}>').format(Markup(tag), text)


@cache
def _templates() -> Environment:
    page = Path(__file__).parent / "page"
    environment = Environment(
        loader=FileSystemLoader(page),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.globals.update(
        words=words, summary=summary, state=state, own=_own, size=PICTURE, pictures=_pictures, bars=bars
    )
    environment.filters.update(breakable=_breakable, coded=_coded, command=_command)
    environment.globals["part"] = lambda name: Markup((page / name).read_text(encoding="utf-8"))  # ours
    return environment


def _pictures(case: CaseRecord) -> list[tuple[Any, list[Picture]]]:
    """The checks that have an error over time, with a picture of each direction."""
    return [
        (check, [picture(course) for course in courses(check)]) for check in case.checks or () if check.error_by_step
    ]


def _macro(template: str, name: str) -> Callable[..., str]:
    macro: Callable[..., str] = getattr(_templates().get_template(template).module, name)
    return macro
