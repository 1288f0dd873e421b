"""The pictures of `verify`: the error of `output` over time beside the envelope, for the candidate and for nn.RNN.

Each case has a row for each direction, and in it a panel for each stage. What is drawn can be found by its id:
`error`, `reference`, `allowed`, `first-divergence` and `worst`, each with stage, direction and case.
"""

import math
import textwrap
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from rnncli.core import words
from rnncli.core.cells import CELLS
from rnncli.core.records import CaseRecord, Check, Location, RunRecord, Verdict, printable
from rnncli.core.summary import conclusion, reason
from rnncli.plot.page import BLACK, BLUE, SKY, VERMILLION, WIDTH, by_label, described, put_title
from rnncli.report.over_time import Course, Steps, courses, scale_of

MOST_CASES = 6
MOST_POINTS = 500
FEW_STEPS = 60  # so many have a dot each
FEWEST_DECADES = 2
MARGIN = 0.04  # beyond the ends, as a part of the axis
APART = 0.12  # what is no power of ten from those that are, likewise
MOST_LETTERS, MOST_LINES = 58, 3  # of what a check says
PANEL_HEIGHT = 2.6  # inches
LABELS = {
    "error": "the candidate's error",
    "reference": "{}'s own error",  # of torch's layer
    "allowed": "the envelope: what rounding may do",
    "first-divergence": "first divergence",
    "worst": "worst place",
}
LOOKS: dict[str, Any] = {
    "reference": {"color": BLUE, "linestyle": "--", "marker": "s"},
    "error": {"color": VERMILLION, "linestyle": "-", "marker": "o"},
}


def figure(record: RunRecord) -> Figure | None:
    """Return a figure of the cases that have an error over time: the failing ones first, up to MOST_CASES of them."""
    places = dict.fromkeys([*record.tally.failing, *range(len(record.cases))])
    cases = list(islice((case for case in map(record.cases.__getitem__, places) if _checks(case)), MOST_CASES))
    if not cases:
        return None
    rows = [len(_directions(case)) for case in cases]
    whole = Figure(figsize=(WIDTH, 0.6 + sum(0.6 + PANEL_HEIGHT * count for count in rows)), layout="constrained")
    if len(record.cases) > 1:
        put_title(whole, [f"{len(cases)} of {len(record.cases)} cases, failing ones first", conclusion(record)])
    parts = whole.subfigures(len(cases), 1, height_ratios=[0.3 + count for count in rows], squeeze=False)
    for part, case in zip(parts[:, 0], cases, strict=True):
        _draw_case(part, case)
    found = by_label(whole.axes)  # one legend for all panels, of what is in any of them
    if LABELS["allowed"] in found:  # matplotlib 3.8 takes no band of a subfigure into a legend of the whole
        found[LABELS["allowed"]] = Patch(facecolor=SKY, alpha=0.3)
    labels = dict.fromkeys(label.format(cell.layer) for label in LABELS.values() for cell in CELLS.values())
    shown = [label for label in labels if label in found]
    whole.legend([found[label] for label in shown], shown, loc="outside lower center", ncols=len(shown))
    return whole


def _checks(case: CaseRecord) -> list[Check]:
    return [check for check in case.checks or () if check.error_by_step]


def _directions(case: CaseRecord) -> list[str]:
    return list(dict.fromkeys(name for check in _checks(case) for name in check.error_by_step or {}))


def _draw_case(part: SubFigure, case: CaseRecord) -> None:
    name = case.candidate if len(case.candidate) <= 50 else f"...{case.candidate[-47:]}"
    came = f"{case.verdict}: {reason(case)}" if case.failed else f"{case.verdict}"
    put_title(part, [f"{name} against {described(case)}  [{case.id}]", came])
    checks, directions = _checks(case), _directions(case)
    panels = part.subplots(len(directions), len(checks), squeeze=False)
    for column, check in enumerate(checks):
        found = courses(check, case.cell.layer)
        scale = _Scale([steps for course in found for steps in course.lines.values()])
        for course in found:
            _draw_panel(panels[directions.index(course.direction), column], course, check, scale, case.id)


class _Scale:
    """Powers of ten: where a value is, and what is written beside them. 0 has a place below the smallest value, what
    is not finite one above the largest.
    """

    def __init__(self, lines: Sequence[Steps]) -> None:
        low, high = scale_of(lines) or (1e-16, 1e-16)
        values = [value for steps in lines for value in steps]
        self.high = math.ceil(math.log10(high))
        self.low = min(math.floor(math.log10(low)), self.high - FEWEST_DECADES)
        self._apart = max(1.0, (self.high - self.low) * APART)
        self._not_powers = {self.place(0.0): "0"} if 0 in values else {}
        self._not_powers |= {self.place(None): "not finite"} if None in values else {}
        ends = [self.low, self.high, *self._not_powers]
        margin = (max(ends) - min(ends)) * MARGIN
        self.limits = min(ends) - margin, max(ends) + margin

    def place(self, value: float | None) -> float:
        if value is None:
            return self.high + self._apart
        return math.log10(value) if value else self.low - self._apart

    def put_on(self, panel: Axes) -> None:
        powers = MaxNLocator(nbins=5, integer=True).tick_values(self.low, self.high)
        ticks = {float(power): f"1e{round(power):+03d}" for power in powers if self.low <= power <= self.high}
        ticks |= self._not_powers
        panel.set_yticks(list(ticks), list(ticks.values()))
        panel.set_ylim(*self.limits)


def _draw_panel(panel: Axes, course: Course, check: Check, scale: _Scale, case: str) -> None:
    where, steps = f"{check.stage}-{course.direction}-{case}", len(course.error)
    panel.set_xlim(-0.5, steps - 0.5)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    scale.put_on(panel)
    times, lines = [at for _, at in course.parts(MOST_POINTS)], course.shown(MOST_POINTS)
    if course.allowed:
        _draw_allowed(panel, times, lines["allowed"], scale, f"allowed-{where}")
    if course.reference:
        of_layer = LABELS["reference"].format(course.layer)
        _draw_line(panel, times, lines[f"{course.layer}'s own"], scale, "reference", where, of_layer)
    _draw_line(panel, times, lines["error"], scale, "error", where, LABELS["error"])
    _mark(panel, course, check, scale, where)
    panel.set_title("\n".join(_heading(course, check)))
    each = math.ceil(steps / MOST_POINTS)
    point = f" (a point: of {each} steps, the one with most error for what is allowed)" if each > 1 else ""
    panel.set_xlabel(f"time step t{point}")
    panel.set_ylabel(f"error against {course.layer}" if check.stage == "algorithm" else "error against float64")


def _draw_allowed(panel: Axes, times: Sequence[int], values: Steps, scale: _Scale, id: str) -> None:
    """A band up to what is allowed; to the top where anything is."""
    bottom, top = scale.limits
    upper = [top if value is None else scale.place(value) for value in values]
    ends = [times[0] - 0.5, *times, times[-1] + 0.5], [upper[0], *upper, upper[-1]]
    panel.fill_between(*ends, bottom, color=SKY, alpha=0.3, linewidth=0, gid=id, label=LABELS["allowed"])
    panel.plot(*ends, color=SKY, linewidth=1, linestyle=":", gid=f"{id}-edge")


def _draw_line(
    panel: Axes, times: Sequence[int], values: Steps, scale: _Scale, of: str, where: str, label: str
) -> None:
    look = LOOKS[of] if len(values) <= FEW_STEPS else LOOKS[of] | {"marker": ""}
    places = [math.nan if value is None else scale.place(value) for value in values]
    panel.plot(times, places, linewidth=1.3, markersize=3, gid=f"{of}-{where}", label=label, **look)
    broken = [time for time, value in zip(times, values, strict=True) if value is None]
    if broken:
        look = look | {"linestyle": "", "marker": "x"}
        panel.plot(broken, [scale.place(None)] * len(broken), markersize=5, gid=f"{of}-{where}-not-finite", **look)


def _mark(panel: Axes, course: Course, check: Check, scale: _Scale, where: str) -> None:
    first, worst = _time(check.first_divergence, course), _time(check.worst, course)
    if first is not None:
        label = LABELS["first-divergence"]
        panel.axvline(first, color=BLACK, linewidth=0.8, linestyle="-.", gid=f"first-divergence-{where}", label=label)
    if worst is not None:
        at = scale.place(course.error[worst])
        (ring,) = panel.plot([worst], [at], "o", color=BLACK, gid=f"worst-{where}", label=LABELS["worst"])
        ring.set(markersize=9, markerfacecolor="none")


def _time(place: Location | None, course: Course) -> int | None:
    if place is None or place.time is None or place.direction not in (None, course.direction):
        return None
    return place.time if place.time < len(course.error) else None


def _heading(course: Course, check: Check) -> Iterator[str]:
    walked = f" (from t={len(course.error) - 1} to t=0)" if course.direction == "reverse" else ""
    policy = "" if check.policy == "envelope" else f", policy {check.policy}"
    yield f"{course.direction}{walked}, {check.stage} {check.dtype}{policy}"
    if check.reason and check.verdict != Verdict.MISMATCH:  # a mismatch's is above the case
        said = f"{check.verdict}: {printable(check.reason)}"
        yield textwrap.fill(said, MOST_LETTERS, max_lines=MOST_LINES, placeholder=" ...")
    finite = {time: value for time, value in enumerate(course.error) if value is not None}
    broken = [time for time, value in enumerate(course.error) if value is None]
    if broken:
        yield f"not finite at {len(broken)} of {len(course.error)} steps, first at t={broken[0]}"
    if finite:
        at = max(finite, key=lambda time: (finite[time], -time))
        others = {f"{course.layer}'s own": course.reference, "allowed": course.allowed}
        there = ", ".join(f"{name} {words.number(steps[at], 'not finite')}" for name, steps in others.items() if steps)
        largest = f"largest error {words.number(finite[at])} at t={at}" + (f"; there {there}" if there else "")
        yield textwrap.fill(largest, MOST_LETTERS)
    first = check.first_divergence
    if first is not None and _time(first, course) is not None:
        places = {"t": first.time, "sequence": first.batch, "unit": first.unit}
        yield "first divergence at " + ", ".join(f"{name}={at}" for name, at in places.items() if at is not None)
