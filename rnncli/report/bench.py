"""What a run of `bench` found, drawn: one case pass by pass; a range as ratios, a chart and how the time grows."""

import math
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from rnncli.core import words
from rnncli.core.cells import cell_of
from rnncli.core.records import CaseRecord, RunRecord, Timing, leaves_of, printable
from rnncli.core.summary import conclusion
from rnncli.report.table import PAGE_WIDTH, plain_table, title

CHART = 48, 10  # columns and rows
MOST_OF_A_BAR = 40  # columns
NOISY = "the machine is busy: where a spread is this wide (~), the ratio says little; --min-run-time measures longer"


def blocks(record: RunRecord) -> Iterator[RenderableType]:
    """The tables of a run, the chart of a range, and what --fail-if came to."""
    timed = [case for case in record.cases if case.timing]
    for case in record.cases:
        if case.error:
            yield title("bench", case)
            yield Text(f"{case.error.message}\n", "bold red")
    if len(record.cases) == 1:
        for case in timed:
            yield from _one(case, record)
    elif timed:
        yield from _range(timed, record)
    yield from _gates(record)
    for missing in record.missing:
        yield Text(f"INCOMPLETE: {missing}", "bold red")
    if len(record.cases) > 1 and not record.passed and not record.gates:
        yield Text(conclusion(record), "bold red")


def _gates(record: RunRecord) -> Iterator[Text]:
    leaves = {case.id: dict(leaves_of(case.config)) for case in record.cases}
    varying = varying_leaves(list(leaves.values()))
    for gate in record.gates or ():
        where = ", ".join(f"{leaf.rpartition('.')[2]} {leaves[gate.case][leaf]}" for leaf in varying)
        told = f"{gate.ratio:.2f}, half of its measurements {gate.ratio_low:.2f}-{gate.ratio_high:.2f}"
        came = "FAILS" if gate.failed else "holds"
        style = "bold red" if gate.failed else "green"
        yield Text(f"--fail-if {gate.condition} {came}{f' at {where}' if where else ''}: {told}", style)


def varying_leaves(leaves: Sequence[dict[str, str]]) -> list[str]:
    """The leaves in which cases differ."""
    return [leaf for leaf in leaves[0] if len({values[leaf] for values in leaves}) > 1] if leaves else []


def threads_of(record: RunRecord) -> str:
    count = (record.environment or {}).get("threads")
    return f"{count} thread{'' if count == 1 else 's'}"


def _one(case: CaseRecord, record: RunRecord) -> Iterator[RenderableType]:
    yield title("bench", case)
    yield Text(words.axes(case.config), "dim")
    if case.reading:
        yield Text(f"read as: {case.reading}")
    timings = case.timing or ()
    for name in dict.fromkeys(timing.pass_ for timing in timings):
        of_pass = [timing for timing in timings if timing.pass_ == name]
        yield ""
        yield Text(f"{name}, {of_pass[0].runs} measurements of each in turn, {threads_of(record)}", "bold")
        yield _pass_table(of_pass, case)
        compiling = [
            f"{short_name(t.implementation, case)} {words.duration(t.compile_s)}" for t in of_pass if t.compile_s
        ]
        if compiling:
            yield Text(f"to compile: {', '.join(compiling)}", "dim")
    yield ""
    yield _bars(timings, case)
    yield ""
    if any(timing.noisy for timing in timings):
        yield Text(NOISY, "yellow")
    yield Text(
        "of nn.RNN's: the median of the ratios, and where half of them lie (░); share: of the time, what the"
        " matrix products take alone; memory: allocated at once, beyond what went in",
        "dim",
    )


def _bars(timings: Sequence[Timing], case: CaseRecord) -> Table:
    """The ratios of all passes on one scale, a bar for each: its light end is where half of the measurements lie."""
    measured = [timing for timing in timings if timing.ratio_to_reference is not None]
    passes = list(dict.fromkeys(timing.pass_ for timing in measured))
    names = {timing.implementation: _name(timing, case) for timing in measured}
    ratio = f"of {cell_of(case.config).layer}'s"
    widest = max(len(ratio), *(len(name) for name in names.values()))
    columns = min((PAGE_WIDTH - widest) // max(len(passes), 1) - 2, MOST_OF_A_BAR)
    longest = max((_ends(timing)[1] for timing in measured), default=1.0)
    bars = {(t.implementation, t.pass_): _bar(*_ends(t), longest, columns) for t in measured}
    table = plain_table(ratio, *passes)
    for implementation, name in names.items():
        table.add_row(name, *(bars.get((implementation, name_of_pass), "") for name_of_pass in passes))
    return table


def _ends(timing: Timing) -> tuple[float, float]:
    """Where half of the ratios lie; the ratio itself where that is not known."""
    ratio = timing.ratio_to_reference or 0.0
    return timing.ratio_low or ratio, timing.ratio_high or ratio


def _bar(low: float, high: float, longest: float, columns: int) -> str:
    dark, whole = (round(columns * end / longest) for end in (low, high))
    return "█" * dark + "░" * (max(whole, 1) - dark)


def _pass_table(timings: Sequence[Timing], case: CaseRecord) -> Table:
    beside = any(timing.baseline_ratio is not None for timing in timings)
    rates = ["earlier>", "GFLOP/s>"] if beside else ["GFLOP/s>", "GB/s>"]  # 80 columns have room for two
    table = plain_table(
        "implementation", "median>", "IQR>", f"of {cell_of(case.config).layer}'s>", *rates, "share>", "memory>"
    )
    for timing in timings:
        cells = [words.duration(timing.median_s), f"{timing.iqr_s / timing.median_s:.0%}", _ratio(timing)]
        cells += [_earlier(timing)] if beside else []
        cells += [_rate(timing.flops_per_s)] if beside else [_rate(timing.flops_per_s), _rate(timing.bytes_per_s)]
        share = timing.products_share
        cells += ["" if share is None else f"{share:.0%}", words.memory(timing.peak_bytes)]
        table.add_row(_name(timing, case), *cells)
    return table


def _range(cases: Sequence[CaseRecord], record: RunRecord) -> Iterator[RenderableType]:
    """For each pass a row for each case: nn.RNN's median, and the ratios of the others to it."""
    leaves = [dict(leaves_of(case.config)) for case in cases]
    varying = varying_leaves(leaves)
    yield title("bench", cases[0]).append(f"  and {len(cases) - 1} more, {threads_of(record)}")
    for name in dict.fromkeys(timing.pass_ for case in cases for timing in case.timing or ()):
        by_case = [{t.implementation: t for t in case.timing or () if t.pass_ == name} for case in cases]
        names = list(dict.fromkeys(implementation for found in by_case for implementation in found))
        shown = {implementation: short_name(implementation, cases[0]) for implementation in names}
        yield ""
        yield Text(f"{name}: nn.RNN's median, and the ratio of the others to it", "bold")
        heads = (f"{shown[implementation]}>" for implementation in names)
        table = plain_table(*(f"{leaf.rpartition('.')[2]}>" for leaf in varying), *heads)
        for values, found in zip(leaves, by_case, strict=True):
            cells = [_in_range(found.get(implementation)) for implementation in names]
            table.add_row(*(values[leaf] for leaf in varying), *cells)
        yield table
        yield from _growth(name, record, shown)
        sizes = [values[varying[0]] for values in leaves] if len(varying) == 1 else []
        if len(cases) > 1 and sizes and all(size.isdecimal() for size in sizes):  # and no dtype or layout
            yield from _chart([float(size) for size in sizes], by_case, shown, varying[0].rpartition(".")[2])
    if any(timing.noisy for case in cases for timing in case.timing or ()):
        yield Text(f"\n{NOISY}", "yellow")
    said = record.tally.warnings
    for warning in (warning for warning in said if said[warning] < len(record.cases)):  # of all, stderr has it
        yield Text(warning, "yellow")


def _in_range(timing: Timing | None) -> str:
    if timing is None:
        return "-"
    if timing.is_reference or timing.ratio_to_reference is None:
        return words.duration(timing.median_s)
    return f"{'~' if timing.noisy else ''}{timing.ratio_to_reference:.2f}{' WRONG' if timing.wrong else ''}"


def _growth(name: str, record: RunRecord, shown: dict[str, str]) -> Iterator[Text]:
    grown = []
    for found in record.growth or ():
        if found.pass_ == name:
            powers = " ".join(f"{size}^{exponent:.2f}" for size, exponent in found.exponents.items())
            grown.append(f"{shown.get(found.implementation, found.implementation)} {powers}")
    if grown:
        yield Text(f"{name} grows as: {', '.join(grown)}", "dim")


def _chart(
    sizes: Sequence[float], by_case: Sequence[dict[str, Timing]], shown: dict[str, str], axis: str
) -> Iterator[Text]:
    """Seconds over a size, both logarithmic; a letter for each implementation, "*" where several meet."""
    letters = dict(zip(shown, "nabcdefghijklm", strict=False))
    points = [
        (size, timing.median_s, letters[name])
        for size, found in zip(sizes, by_case, strict=True)
        for name, timing in found.items()
        if name in letters
    ]
    columns, rows = CHART
    low, high = min(p[1] for p in points), max(p[1] for p in points)
    grid = [[" "] * columns for _ in range(rows)]
    for size, seconds, letter in points:
        column = _place(size, min(sizes), max(sizes), columns)
        row = rows - 1 - _place(seconds, low, high, rows)
        grid[row][column] = letter if grid[row][column] in (" ", letter) else "*"
    for at, line in enumerate(grid):
        label = words.duration(high) if at == 0 else words.duration(low) if at == rows - 1 else ""
        yield Text(f"{label:>8} |{''.join(line)}".rstrip(), no_wrap=True)
    ends = f"{min(sizes):g}", f"{max(sizes):g}"
    yield Text(f"{'':>8}  {ends[0]}{axis:^{columns - len(ends[0]) - len(ends[1])}}{ends[1]}", no_wrap=True)
    yield Text("  ".join(f"{letter} {shown[name]}" for name, letter in letters.items()) + "  * several", "dim")


def _place(value: float, low: float, high: float, count: int) -> int:
    return round((count - 1) * math.log(value / low) / math.log(high / low)) if high > low else 0


def _name(timing: Timing, case: CaseRecord) -> Text:
    name = short_name(timing.implementation, case)
    return Text(f"{name} WRONG", "bold red") if timing.wrong else Text(name)


def short_name(implementation: str, case: CaseRecord) -> str:
    """A user's own by the word for it."""
    if ":" not in case.candidate:
        return implementation
    return printable(implementation.replace(case.candidate, "candidate"))


def _ratio(timing: Timing) -> str:
    if timing.ratio_to_reference is None:
        return "-"
    if timing.ratio_low is None or timing.ratio_low == timing.ratio_high:
        return f"{timing.ratio_to_reference:.2f}"
    mark = "~" if timing.noisy else ""
    return f"{mark}{timing.ratio_to_reference:.2f} {timing.ratio_low:.2f}-{timing.ratio_high:.2f}"


def _earlier(timing: Timing) -> str:
    if timing.baseline_ratio is None:
        return "-"
    return f"{timing.baseline_ratio:.2f}{' !' if timing.changed else ''}"


def _rate(per_second: float | None) -> str:
    return "" if per_second is None else f"{per_second / 1e9:.2g}" if per_second < 1e11 else f"{per_second / 1e9:.0f}"
