"""What `bench` found, drawn: of one size, the ratios to nn.RNN as bars; over a range of sizes, the times as lines.

There is a row of panels for each pass; cases that differ in more than one size stand beside each other. What is drawn
can be found by its id: `bar`, `spread`, `line` and `band`, each with pass, implementation and column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from rnncli.core.records import CaseRecord, RunRecord, Timing, leaves_of
from rnncli.core.summary import short
from rnncli.core.words import duration
from rnncli.plot.page import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    WIDTH,
    by_label,
    described,
    put_title,
)
from rnncli.report.bench import NOISY, short_name, threads_of, varying_leaves

MOST_COLUMNS = 4
MOST_WARNINGS = 3  # what is not timed, and why
SIZES = ("input.seq_len", "input.batch_size", "rnn.input_size", "rnn.hidden_size", "rnn.num_layers")
PRODUCTS = "matrix products"  # no implementation: what of the time no rewriting takes away
COLOURS = (BLACK, ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE)
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (7, 3)))
DOTS = "osD^vP*"


@dataclass(frozen=True)
class _Column:
    """Cases that share what is no size of the axis: each with its size there, in order."""

    name: str
    cases: Sequence[tuple[float, CaseRecord]]


def figure(record: RunRecord) -> Figure | None:
    """A figure of the cases that were timed; None where there are none."""
    timed = [case for case in record.cases if case.timing]
    if not timed:
        return None
    axis, columns = _columns(timed)
    shown = columns[:MOST_COLUMNS]
    timings = [timing for case in timed for timing in case.timing or ()]
    passes = list(dict.fromkeys(timing.pass_ for timing in timings))
    names = list(dict.fromkeys(timing.implementation for timing in timings))
    height = 2.6 if axis else 0.6 + 0.22 * len(names)
    width = WIDTH + 2.5 * max(len(shown) - 2, 0)
    whole = Figure(figsize=(width, 1.2 + height * len(passes)), layout="constrained")
    put_title(whole, _title(record, timed, axis, len(columns) - len(shown)))
    panels = whole.subplots(len(passes), len(shown), squeeze=False, sharex=True, sharey="row" if axis else True)
    for row, name in enumerate(passes):
        for at, column in enumerate(shown):
            panel = panels[row, at]
            panel.set_title(f"{name}, {column.name}" if column.name else name)
            if axis:
                _draw_lines(panel, column, name, names, f"{name}-{at}")
                panel.set_xlabel(short(axis))
            else:
                _draw_bars(panel, column.cases[0][1], name, names, f"{name}-{at}")
        if axis:
            _put_legend(panels[row], record, name, shown[-1])
    if not axis:
        panels[0, 0].set_xlim(*_ends(timings))
    whole.supxlabel(_notes(axis, any(timing.noisy for timing in timings)), fontsize=8)
    return whole


def _columns(cases: Sequence[CaseRecord]) -> tuple[str | None, list[_Column]]:
    """The size with the most values, where there is one, and the cases put together by what else they differ in."""
    leaves = {case.id: dict(leaves_of(case.config)) for case in cases}
    varying = varying_leaves(list(leaves.values()))
    counts = {leaf: len({values[leaf] for values in leaves.values()}) for leaf in varying if leaf in SIZES}
    axis = max(counts, key=lambda leaf: counts[leaf]) if counts else None
    others = [leaf for leaf in varying if leaf != axis]

    def shared(case: CaseRecord) -> list[str]:
        return [f"{short(leaf)} {leaves[case.id][leaf]}" for leaf in others]

    def size(case: CaseRecord) -> float:
        return float(leaves[case.id][axis]) if axis else 0.0

    by_name: dict[str, list[tuple[float, CaseRecord]]] = {}
    for case in cases:
        by_name.setdefault(", ".join(shared(case)), []).append((size(case), case))
    return axis, [_Column(name, sorted(of_name, key=lambda found: found[0])) for name, of_name in by_name.items()]


def _title(record: RunRecord, cases: Sequence[CaseRecord], axis: str | None, left_out: int) -> list[str]:
    told = [described(cases[0]), threads_of(record)]
    if len(cases) > 1:
        told.append(f"and {len(cases) - 1} more" + (f", over {short(axis)}" if axis else ""))
    if left_out:
        told.append(f"{left_out} more panels are left out")
    failed = sum(case.error is not None for case in record.cases)
    said = [f"INCOMPLETE: {missing}" for missing in record.missing]
    said += [f"{failed} of {len(record.cases)} cases failed and are not drawn"] if failed else []
    return [f"bench: {', '.join(told)}", *said, *list(record.tally.warnings)[:MOST_WARNINGS]]


def _notes(axis: str | None, noisy: bool) -> str:
    drawn = (
        "line: the median time; band: around it as wide as half of the measurements lie apart (the IQR)"
        if axis
        else "bar: the time as a share of nn.RNN's, the median; line across its end: where half of the ratios lie"
    )
    return f"{drawn}\n{NOISY.replace(' (~)', '') if axis else NOISY}" if noisy else drawn


def _draw_bars(panel: Axes, case: CaseRecord, name: str, names: Sequence[str], id: str) -> None:
    """The ratios of a pass to nn.RNN, from 1 on: to the left what is faster, to the right what is slower."""
    timings = [timing for timing in case.timing or () if timing.pass_ == name and timing.ratio_to_reference]
    panel.set_xscale("log")
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.tick_params(labelbottom=True)
    panel.axvline(1, color=BLACK, linewidth=0.8)
    for timing in timings:
        at, ratio = names.index(timing.implementation), timing.ratio_to_reference or 1.0
        colour = VERMILLION if timing.wrong else GREY if timing.implementation == PRODUCTS else SKY
        of_this = f"{id}-{timing.implementation}"
        panel.barh(at, ratio - 1, left=1, height=0.6, color=colour, gid=f"bar-{of_this}")
        low, high = timing.ratio_low or ratio, timing.ratio_high or ratio
        panel.plot([low, high], [at, at], color=BLACK, linewidth=1.5, marker="|", gid=f"spread-{of_this}")
        panel.annotate(_told(timing), (1.01, at), xycoords=panel.get_yaxis_transform(), va="center")
    # all panels share these: what is wrong is so in every pass
    panel.set_yticks(range(len(names)), [_called(each, case.timing or (), case) for each in names])
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.grid(visible=False, axis="y")


def _ends(timings: Sequence[Timing]) -> tuple[float, float]:
    """Of the ratios: what holds all of them, and at least a half to twice nn.RNN's time."""
    lowest = [ratio for timing in timings for ratio in (timing.ratio_to_reference, timing.ratio_low) if ratio]
    highest = [ratio for timing in timings for ratio in (timing.ratio_to_reference, timing.ratio_high) if ratio]
    return min([0.5, *lowest]) / 1.1, max([2.0, *highest]) * 1.1


def _told(timing: Timing) -> str:
    """The numbers of a bar: 0.87 (0.81 to 0.95), 696 us."""
    ratio, low, high = timing.ratio_to_reference, timing.ratio_low, timing.ratio_high
    between = f" ({low:.2f} to {high:.2f})" if low and high and low != high else ""
    return f"{'~' if timing.noisy and between else ''}{ratio:.2f}{between}, {duration(timing.median_s)}"


def _called(implementation: str, timings: Sequence[Timing], case: CaseRecord) -> str:
    wrong = any(timing.wrong for timing in timings if timing.implementation == implementation)
    return short_name(implementation, case) + (" WRONG" if wrong else "")


def _draw_lines(panel: Axes, column: _Column, name: str, names: Sequence[str], id: str) -> None:
    """The time of a pass over a size, a line for each implementation; what is wrong in one place has crosses there."""
    sizes = [size for size, _ in column.cases]
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.xaxis.set_major_locator(FixedLocator(sizes))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:g}"))
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: duration(seconds)))
    for either in (panel.xaxis, panel.yaxis):
        either.set_minor_locator(NullLocator())
    panel.tick_params(labelbottom=True)
    for implementation in names:
        points = [
            (size, timing)
            for size, case in column.cases
            for timing in case.timing or ()
            if (timing.implementation, timing.pass_) == (implementation, name)
        ]
        if points:
            _draw_line(panel, points, _look(implementation, names), implementation, id)


def _look(implementation: str, names: Sequence[str]) -> dict[str, Any]:
    """How an implementation is drawn: it is told by its line and its dots as well as by its colour."""
    if implementation == PRODUCTS:
        return {"color": GREY, "linestyle": ":", "marker": "."}
    at = names.index(implementation) % len(COLOURS)
    return {"color": COLOURS[at], "linestyle": LINES[at], "marker": DOTS[at]}


def _draw_line(
    panel: Axes, points: Sequence[tuple[float, Timing]], look: dict[str, Any], implementation: str, id: str
) -> None:
    sizes, medians = [size for size, _ in points], [timing.median_s for _, timing in points]
    of_this = f"{id}-{implementation}"
    panel.plot(sizes, medians, linewidth=1.2, markersize=4, gid=f"line-{of_this}", label=implementation, **look)
    low = [max(timing.median_s - timing.iqr_s / 2, timing.median_s / 10) for _, timing in points]
    high = [timing.median_s + timing.iqr_s / 2 for _, timing in points]
    panel.fill_between(sizes, low, high, color=look["color"], alpha=0.15, linewidth=0, gid=f"band-{of_this}")
    wrong = [(size, timing.median_s) for size, timing in points if timing.wrong]
    if wrong:
        panel.plot(*zip(*wrong, strict=True), "x", color=BLACK, markersize=9, gid=f"wrong-{of_this}")


def _put_legend(panels: Sequence[Axes], record: RunRecord, name: str, last: _Column) -> None:
    """Beside a row of panels: what each line is, where it ends in the last of them, and how its time grows."""
    grown = {growth.implementation: growth.exponents for growth in record.growth or () if growth.pass_ == name}
    timings = [timing for case in record.cases for timing in case.timing or ()]
    of_pass = [(size, t) for size, case in last.cases for t in case.timing or () if t.pass_ == name]
    ends = {timing.implementation: f"{duration(timing.median_s)} at {size:g}" for size, timing in of_pass}
    lines = by_label(panels)
    shown = []
    for implementation in lines:
        told = [ends[implementation]] if implementation in ends else []
        told += [f"{size}^{power:.2f}" for size, power in grown.get(implementation, {}).items()]
        shown.append(f"{_called(implementation, timings, last.cases[0][1])}: {', '.join(told)}")
    panels[-1].legend(list(lines.values()), shown, loc="upper left", bbox_to_anchor=(1.0, 1.05))
