"""The pictures of `bench`: of one size, the ratios to nn.RNN as bars; over a range of sizes, the times as lines.

There is a row of panels for each pass; cases that differ in more than one size stand beside each other. What is drawn
can be found by its id: `bar`, `spread`, `line` and `band`, each with pass, implementation and column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from rnncli.core import words
from rnncli.core.records import CaseRecord, RunRecord, Timing
from rnncli.core.summary import layers, short, threads, varying
from rnncli.plot.page import BLACK, COLOURS, GREY, SKY, VERMILLION, WIDTH, by_label, described, put_title
from rnncli.report.bench import NOISY

MOST_COLUMNS = 4
MOST_WARNINGS = 3  # what is not timed, and why
SIZES = ("input.seq_len", "input.batch_size", "rnn.input_size", "rnn.hidden_size", "rnn.num_layers")
PRODUCTS = "matrix products"  # no implementation: what of the time no rewriting takes away
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (7, 3)))
DOTS = "osD^vP*"


@dataclass(frozen=True)
class _Column:
    name: str
    cases: Sequence[tuple[float, CaseRecord]]

    def timings(self, pass_: str) -> list[tuple[float, Timing]]:
        return [(size, t) for size, case in self.cases for t in case.timing or () if t.pass_ == pass_]


def figure(record: RunRecord) -> Figure | None:
    """Return a figure of the cases that were timed; None where there are none."""
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
        for at, (panel, column) in enumerate(zip(panels[row], shown, strict=True)):
            panel.set_title(f"{name}, {column.name}" if column.name else name)
            panel.tick_params(labelbottom=True)
            if axis:
                _draw_lines(panel, column, name, names, f"{name}-{at}")
                panel.set_xlabel(short(axis))
            else:
                _draw_bars(panel, column.cases[0][1], name, names, f"{name}-{at}")
        if axis:
            _put_legend(panels[row], record, name, shown[-1])
    if not axis:  # holds all ratios, and at least a half to twice nn.RNN's time
        ratios = [end for t in timings if t.ratio_to_reference for end in (t.ratio_to_reference, *words.spread(t))]
        panels[0, 0].set_xlim(min([0.5, *ratios]) / 1.1, max([2.0, *ratios]) * 1.1)
    whole.supxlabel(_notes(layers(record), axis, any(timing.noisy for timing in timings)), fontsize=8)
    return whole


def _columns(cases: Sequence[CaseRecord]) -> tuple[str | None, list[_Column]]:
    """The size with the most values, where there is one, and the cases put together by what else they differ in."""
    leaves = varying(cases)
    differ = {leaf: len({values[leaf] for values in leaves.values()}) for leaf in leaves[cases[0].id]}
    axis = max((leaf for leaf in differ if leaf in SIZES), key=lambda leaf: differ[leaf], default=None)
    by_name: dict[str, list[tuple[float, CaseRecord]]] = {}
    for case in cases:
        values = leaves[case.id]
        size = float(values.pop(axis)) if axis else 0.0
        by_name.setdefault(", ".join(f"{short(leaf)} {values[leaf]}" for leaf in values), []).append((size, case))
    return axis, [_Column(name, sorted(found, key=lambda one: one[0])) for name, found in by_name.items()]


def _title(record: RunRecord, cases: Sequence[CaseRecord], axis: str | None, left_out: int) -> list[str]:
    told = [described(cases[0]), threads(record)]
    if len(cases) > 1:
        told.append(f"and {len(cases) - 1} more" + (f", over {short(axis)}" if axis else ""))
    if left_out:
        told.append(f"{words.are(left_out, 'more panel')} left out")
    failed = sum(case.error is not None for case in record.cases)
    said = [f"INCOMPLETE: {missing}" for missing in record.missing]
    said += [f"{failed} of {len(record.cases)} cases failed and are not drawn"] if failed else []
    return [f"bench: {', '.join(told)}", *said, *list(record.tally.warnings)[:MOST_WARNINGS]]


def _notes(layer: str, axis: str | None, noisy: bool) -> str:
    drawn = f"bar: the time as a share of {layer}'s, the median; line across its end: where half of the ratios lie"
    if axis:
        drawn = "line: the median time; band: around it as wide as half of the measurements lie apart (the IQR)"
    return f"{drawn}\n{NOISY.replace(' (~)', '') if axis else NOISY}" if noisy else drawn


def _draw_bars(panel: Axes, case: CaseRecord, name: str, names: Sequence[str], id: str) -> None:
    panel.set_xscale("log")
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.axvline(1, color=BLACK, linewidth=0.8)
    for timing in case.timing or ():
        ratio = timing.ratio_to_reference
        if timing.pass_ != name or not ratio:
            continue
        at, of_this = names.index(timing.implementation), f"{id}-{timing.implementation}"
        colour = VERMILLION if timing.wrong else GREY if timing.implementation == PRODUCTS else SKY
        panel.barh(at, ratio - 1, left=1, height=0.6, color=colour, gid=f"bar-{of_this}")
        low, high = words.spread(timing)
        panel.plot([low, high], [at, at], color=BLACK, linewidth=1.5, marker="|", gid=f"spread-{of_this}")
        between = f" ({low:.2f} to {high:.2f})" if low != high else ""
        told = f"{'~' if timing.noisy and between else ''}{ratio:.2f}{between}, {words.duration(timing.median_s)}"
        panel.annotate(told, (1.01, at), xycoords=panel.get_yaxis_transform(), va="center")
    # all panels share these: what is wrong is so in every pass
    panel.set_yticks(range(len(names)), [_called(each, case.timing or (), case) for each in names])
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.grid(visible=False, axis="y")


def _called(implementation: str, timings: Sequence[Timing], case: CaseRecord) -> str:
    wrong = any(timing.wrong for timing in timings if timing.implementation == implementation)
    return words.implementation(implementation, case) + (" WRONG" if wrong else "")


def _draw_lines(panel: Axes, column: _Column, name: str, names: Sequence[str], id: str) -> None:
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.xaxis.set_major_locator(FixedLocator([size for size, _ in column.cases]))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:g}"))
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: words.duration(seconds)))
    for either in (panel.xaxis, panel.yaxis):
        either.set_minor_locator(NullLocator())
    for at, implementation in enumerate(names):
        points = [(size, t) for size, t in column.timings(name) if t.implementation == implementation]
        if not points:
            continue
        # told by its line and its dots as well as by its colour
        look: Any = {"color": GREY, "linestyle": ":", "marker": "."}
        if implementation != PRODUCTS:
            at %= len(COLOURS)
            look = {"color": COLOURS[at], "linestyle": LINES[at], "marker": DOTS[at]}
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
    grown = {found.implementation: found.exponents for found in record.growth or () if found.pass_ == name}
    timings = [timing for case in record.cases for timing in case.timing or ()]
    ends = {t.implementation: f"{words.duration(t.median_s)} at {size:g}" for size, t in last.timings(name)}
    lines = by_label(panels)
    shown = []
    for implementation in lines:
        told = [ends[implementation]] if implementation in ends else []
        told += words.powers(grown.get(implementation, {}))
        shown.append(f"{_called(implementation, timings, last.cases[0][1])}: {', '.join(told)}")
    panels[-1].legend(list(lines.values()), shown, loc="upper left", bbox_to_anchor=(1.0, 1.05))
