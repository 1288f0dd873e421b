"""The tables of `bench`: one case pass by pass; a range as ratios, a chart and how the time grows."""

import math
from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from rnncli.core import words
from rnncli.core.records import CaseRecord, RunRecord, Timing, Verdict
from rnncli.core.summary import conclusion, layers, short, threads, varying
from rnncli.report.columns import Row, table
from rnncli.report.table import PAGE_WIDTH

CHART = 48, 10  # columns and rows
LETTERS = "nabcdefghijklm"  # of implementations, in the chart
MOST_OF_A_BAR = 40  # columns
NOISY = "the machine is busy: where a spread is this wide (~), the ratio says little; --min-run-time measures longer"


def blocks(record: RunRecord) -> Iterator[RenderableType]:
    """Yield the tables of a run, the chart of a range, and what --fail-if came to."""
    timed = [case for case in record.cases if case.timing]
    for case in record.cases:
        if case.error:
            yield _title(case)
            yield Text(f"{case.error.message}\n", "bold red")
    if len(record.cases) == 1:
        for case in timed:
            yield from _one(case, record)
    elif timed:
        yield from _range(timed, record)
    leaves = varying(record.cases)
    for gate in record.gates or ():
        where = ", ".join(f"{short(leaf)} {value}" for leaf, value in leaves[gate.case].items())
        told = f"{gate.ratio:.2f}, half of its measurements {gate.ratio_low:.2f}-{gate.ratio_high:.2f}"
        came = f"--fail-if {gate.condition} {'FAILS' if gate.failed else 'holds'}{f' at {where}' if where else ''}"
        yield Text(f"{came}: {told}", "bold red" if gate.failed else "green")
    for missing in record.missing:
        yield Text(f"INCOMPLETE: {missing}", "bold red")
    if len(record.cases) > 1 and not record.passed and not record.gates:
        yield Text(conclusion(record), "bold red")


def _title(case: CaseRecord) -> Text:
    line = Text(f"bench: {words.call(case)}", "bold")
    return Text.assemble(line, (f"\n{words.circumstances('bench', case)}  [{case.id}]", "dim"))


def _one(case: CaseRecord, record: RunRecord) -> Iterator[RenderableType]:
    if case.verdict == Verdict.MISMATCH:
        yield Text(f"mismatch  {words.candidate(case)} is not {words.call(case)}: rnncli verify says why", "bold red")
    yield _title(case)
    yield Text(words.axes(case), "dim")
    if case.reading:
        yield Text(f"read as: {case.reading}")
    timings = case.timing or ()
    for name in dict.fromkeys(timing.pass_ for timing in timings):
        of_pass = [timing for timing in timings if timing.pass_ == name]
        yield ""
        yield Text(f"{name}, {of_pass[0].runs} measurements of each in turn, {threads(record)}", "bold")
        yield _pass_table(of_pass, case)
        compiled = {timing.implementation: words.duration(timing.compile_s) for timing in of_pass if timing.compile_s}
        if compiled:
            told = (f"{words.implementation(one, case)} {seconds}" for one, seconds in compiled.items())
            yield Text(f"to compile: {', '.join(told)}", "dim")
    yield ""
    yield _bars(case)
    yield ""
    if any(timing.noisy for timing in timings):
        yield Text(NOISY, "yellow")
    yield Text(
        f"of {layers(record)}'s: the median of the ratios, and where half of them lie (░); share: of the time, what"
        " the matrix products take alone; memory: allocated at once, beyond what went in",
        "dim",
    )


def _bars(case: CaseRecord) -> Table:
    measured = [timing for timing in case.timing or () if timing.ratio_to_reference is not None]
    passes = list(dict.fromkeys(timing.pass_ for timing in measured))
    rows: dict[str, list[str | Text]] = {
        timing.implementation: [_name(timing, case), *("" for _ in passes)] for timing in measured
    }
    head = f"of {case.cell.layer}'s"
    widest = max([len(head), *(len(row[0]) for row in rows.values())])
    columns = min((PAGE_WIDTH - widest) // max(len(passes), 1) - 2, MOST_OF_A_BAR)
    longest = max((words.spread(timing)[1] for timing in measured), default=1.0)
    for timing in measured:
        dark, whole = (round(columns * end / longest) for end in words.spread(timing))
        rows[timing.implementation][1 + passes.index(timing.pass_)] = "█" * dark + "░" * (max(whole, 1) - dark)
    return table([head, *passes], list(rows.values()))


def _pass_table(timings: Sequence[Timing], case: CaseRecord) -> Table:
    beside = any(timing.baseline_ratio is not None for timing in timings)
    rows: list[Row] = []
    for timing in timings:
        flops, moved = (_billions(rate) for rate in (timing.flops_per_s, timing.bytes_per_s))
        earlier = words.ratio_to(timing.baseline_ratio) + (" !" if timing.changed else "")
        rates = [earlier, flops] if beside else [flops, moved]  # 80 columns have room for two
        times = [words.duration(timing.median_s), f"{timing.iqr_s / timing.median_s:.0%}", _ratio(timing), *rates]
        share = "" if timing.products_share is None else f"{timing.products_share:.0%}"
        rows.append([_name(timing, case), *times, share, words.memory(timing.peak_bytes)])
    rates = ["earlier>", "GFLOP/s>"] if beside else ["GFLOP/s>", "GB/s>"]
    return table(["implementation", "median>", "IQR>", f"of {case.cell.layer}'s>", *rates, "share>", "memory>"], rows)


def _range(cases: Sequence[CaseRecord], record: RunRecord) -> Iterator[RenderableType]:
    leaves = list(varying(cases).values())
    yield _title(cases[0]).append(f"  and {len(cases) - 1} more, {threads(record)}")
    for name in dict.fromkeys(timing.pass_ for case in cases for timing in case.timing or ()):
        by_case = [{t.implementation: t for t in case.timing or () if t.pass_ == name} for case in cases]
        names = {one: words.implementation(one, cases[0]) for found in by_case for one in found}
        yield ""
        yield Text(f"{name}: {layers(record)}'s median, and the ratio of the others to it", "bold")
        rows = [
            [*values.values(), *(_in_range(found.get(one)) for one in names)]
            for values, found in zip(leaves, by_case, strict=True)
        ]
        yield table([f"{head}>" for head in (*map(short, leaves[0]), *names.values())], rows)
        grown = {found.implementation: found.exponents for found in record.growth or () if found.pass_ == name}
        if grown:
            told = (f"{names.get(one, one)} {' '.join(words.powers(exponents))}" for one, exponents in grown.items())
            yield Text(f"{name} grows as: {', '.join(told)}", "dim")
        if len(cases) > 1 and len(leaves[0]) == 1:
            (axis,), sizes = leaves[0], [size for values in leaves for size in values.values()]
            if all(size.isdecimal() for size in sizes):  # and no dtype or layout
                yield from _chart(list(map(float, sizes)), by_case, names, short(axis))
    if any(timing.noisy for case in cases for timing in case.timing or ()):
        yield Text(f"\n{NOISY}", "yellow")
    for warning, count in record.tally.warnings.items():
        if count < len(record.cases):  # of all, stderr has it
            yield Text(warning, "yellow")


def _in_range(timing: Timing | None) -> str:
    if timing is None:
        return "-"
    if timing.is_reference or timing.ratio_to_reference is None:
        return words.duration(timing.median_s)
    return f"{'~' if timing.noisy else ''}{timing.ratio_to_reference:.2f}{' WRONG' if timing.wrong else ''}"


def _chart(
    sizes: Sequence[float], by_case: Sequence[Mapping[str, Timing]], names: Mapping[str, str], axis: str
) -> Iterator[Text]:
    """Seconds over a size, both logarithmic; a letter for each implementation, "*" where several meet."""
    letters = dict(zip(names, LETTERS, strict=False))
    points = [
        (size, timing.median_s, letters[name])
        for size, found in zip(sizes, by_case, strict=True)
        for name, timing in found.items()
        if name in letters
    ]
    columns, rows = CHART
    low, high = min(seconds for _, seconds, _ in points), max(seconds for _, seconds, _ in points)
    grid = [[" "] * columns for _ in range(rows)]
    for size, seconds, letter in points:
        line = grid[rows - 1 - _place(seconds, low, high, rows)]
        column = _place(size, min(sizes), max(sizes), columns)
        line[column] = letter if line[column] in (" ", letter) else "*"
    labels = [words.duration(high), *[""] * (rows - 2), words.duration(low)]
    for label, line in zip(labels, grid, strict=True):
        yield Text(f"{label:>8} |{''.join(line)}".rstrip(), no_wrap=True)
    first, last = f"{min(sizes):g}", f"{max(sizes):g}"
    yield Text(f"{'':>8}  {first}{axis:^{columns - len(first) - len(last)}}{last}", no_wrap=True)
    yield Text("  ".join(f"{letter} {names[name]}" for name, letter in letters.items()) + "  * several", "dim")


def _place(value: float, low: float, high: float, count: int) -> int:
    return round((count - 1) * math.log(value / low) / math.log(high / low)) if high > low else 0


def _name(timing: Timing, case: CaseRecord) -> Text:
    name = words.implementation(timing.implementation, case)
    return Text(f"{name} WRONG", "bold red") if timing.wrong else Text(name)


def _ratio(timing: Timing) -> str:
    if timing.ratio_low is None or timing.ratio_low == timing.ratio_high:
        return words.ratio_to(timing.ratio_to_reference)
    mark = "~" if timing.noisy else ""
    return f"{mark}{timing.ratio_to_reference:.2f} {timing.ratio_low:.2f}-{timing.ratio_high:.2f}"


def _billions(per_second: float | None) -> str:
    return "" if per_second is None else f"{per_second / 1e9:.2g}" if per_second < 1e11 else f"{per_second / 1e9:.0f}"
