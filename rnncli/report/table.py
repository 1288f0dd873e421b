"""The record as tables for a person, readable at 80 columns."""

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from rnncli.records import (
    CaseRecord,
    Check,
    FaultResult,
    Parameter,
    RunRecord,
    TensorShape,
    Timing,
    Verdict,
    Wire,
    printable,
)
from rnncli.report import words
from rnncli.report.over_time import Course, courses, most_telling, scale_of, sparkline
from rnncli.report.summary import by_argument, call, conclusion, heading

PAGE_WIDTH = 80  # of a file or a pipe
MOST_DETAILS = 10
MOST_CASES = 3  # of many, in short
MOST_IN_FULL = 100  # cases of shapes and power
MOST_PARAMETERS = 100  # rows
MOST_LINES = 1  # of each

STYLES = {Verdict.MATCH: "green", Verdict.MISMATCH: "bold red", Verdict.NOT_COMPARABLE: "yellow"}


def render(record: RunRecord) -> Iterator[str]:
    """The tables as plain text of PAGE_WIDTH columns."""
    page = io.StringIO()
    draw(record, Console(file=page, width=PAGE_WIDTH, color_system=None, highlight=False))
    for line in page.getvalue().splitlines():
        yield f"{line.rstrip()}\n"


def draw(record: RunRecord, console: Console) -> None:
    """Draw the record on a console: one case in full; of many, those that do not match, and a summary."""
    if record.command == "env":
        blocks: Iterable[RenderableType] = [_environment_table(record.environment or {})]
    elif record.command == "bench":
        from rnncli.report.bench import blocks as blocks_of_bench

        blocks = blocks_of_bench(record)
    elif len(record.cases) == 1 and not record.missing:
        blocks = _case(record.command, record.cases[0], record.verbose)
    else:
        blocks = _cases(record)
    width = console.width
    for block in blocks:
        # a table too wide for the terminal is folded by the terminal, line by line, and not by column
        console.width = _fit(block, width) if isinstance(block, Table) else width
        if isinstance(block, Text):
            block.plain = printable(block.plain)
        whole = isinstance(block, Text) and bool(block.no_wrap)  # code and commands, to be pasted
        console.print(block, markup=False, highlight=False, soft_wrap=whole)
    console.width = width


def _case(command: str, case: CaseRecord, verbose: bool = False) -> Iterator[RenderableType]:
    yield title(command, case)
    if case.error:
        yield Text(f"\n{case.error.message}", "bold red")
        if case.error.traceback:
            yield Text(f"\n{case.error.traceback.rstrip()}", no_wrap=True)
        return
    if case.reading:
        yield Text(f"read as: {case.reading}")
    if verbose and case.wiring:
        yield ""
        yield _wiring_table(case.wiring)
    if case.shapes:
        yield ""
        yield _shapes_table(case.shapes, words.candidate(case, short=True))
        yield Text(words.axes(case.config), "dim")
    if case.parameters:
        yield ""
        yield Text(words.parameters(case.parameters)) if case.checks else _parameters_table(case.parameters)
    if case.recipes and not case.checks:
        yield ""
        for recipe in case.recipes:
            shape = f"{words.size(recipe.shape)} " if recipe.shape is not None else ""
            yield Text(f"# {shape}{recipe.note}", "dim")
            yield Text(recipe.code, no_wrap=True)
    if case.checks:
        yield ""
        yield _checks_table(case.checks)
        yield Text("noise: the error in envelopes of rounding; passes at: share of the largest value", "dim")
        yield from _reasons(case.checks)
        yield from _over_time(case.checks)
    if case.faults is not None:
        yield ""
        yield from _faults(case.faults)
    if case.timing:
        yield ""
        yield _timing_table(case.timing)
        if any(timing.noisy for timing in case.timing):
            yield Text("the machine is busy: a spread (IQR) this wide makes the ratios meaningless", "yellow")
    yield ""
    yield _conclusion(case)
    yield from _diagnosis(case)
    if case.replay:
        yield Text(f"replay: {case.replay}", "bold", no_wrap=True)


def _wiring_table(wiring: Sequence[Wire]) -> Table:
    """Each tensor of the candidate, the weight it was given, and what settled that."""
    table = plain_table("candidate's tensor", "holds", "known by")
    for wire in wiring:
        table.add_row(wire.tensor, wire.weight, wire.evidence)
    return table


def _cases(record: RunRecord) -> Iterator[RenderableType]:
    """Many cases: those that fail, in short, what they have in common, and what all come to."""
    tally = record.tally
    if record.command in ("shapes", "power"):
        failing = list(tally.failing) if len(record.cases) > MOST_IN_FULL else []
        shown = (failing or range(len(record.cases)))[:MOST_IN_FULL]
        for at in shown:
            yield from _case(record.command, record.cases[at])
            yield ""
        if len(record.cases) > len(shown):
            yield f"... and {len(record.cases) - len(shown)} more cases: --format json holds them all\n"
        yield from _summary(record)
        return
    yield Text(f"{heading(record)}\n", "bold")
    for at in tally.failing[:MOST_CASES]:
        yield from _in_short(record.command, record.cases[at])
    if len(tally.failing) > MOST_CASES:
        more = len(tally.failing) - MOST_CASES
        yield f"... and {more} more failing case{'' if more == 1 else 's'}: --format csv lists them all\n"
    for why, count in tally.left_open.most_common(MOST_CASES):
        yield Text(f"not-comparable, {count} case{'' if count == 1 else 's'}: {why}\n", STYLES[Verdict.NOT_COMPARABLE])
    yield from _summary(record)


def _in_short(command: str, case: CaseRecord) -> Iterator[RenderableType]:
    yield title(command, case)
    if case.error:
        yield Text(case.error.message, "bold red")
    else:
        disagreeing = (Text(line, "bold red") for line in words.shape_disagreements(case))
        lines = [*disagreeing, *_reasons(case.checks or ())]
        yield from lines[:MOST_LINES]
        if len(lines) > MOST_LINES:
            yield Text(f"... and {len(lines) - MOST_LINES} more: --format json holds them all", "dim")
        for found in case.diagnosis or ():
            yield Text(f"diagnosis: {found.id}: {found.fix}", "bold red")
    if case.replay:
        yield Text(f"replay: {case.replay}", "bold", no_wrap=True)
    yield ""


def _summary(record: RunRecord) -> Iterator[RenderableType]:
    """Of many cases: on which arguments it depends whether one fails, what was compared, and how many came to what."""
    tally = record.tally
    arguments = list(by_argument(tally)) if len(tally.failing) > 1 else []
    if arguments:
        table = plain_table("argument", "failing of cases, by value")
        for name, values in arguments:
            shown = (f"{printable(value)}: {failing} of {count}" for value, failing, count in values)
            table.add_row(name, ", ".join(shown))
        yield table
        yield ""
    if tally.checks:
        table = plain_table("stage", "dtype", "checks>", *(f"{verdict}>" for verdict in Verdict), "all pass at>")
        for (stage, dtype), counted in tally.checks.items():
            of_verdict = (str(counted[verdict]) for verdict in Verdict)
            table.add_row(
                stage, dtype, str(counted.total()), *of_verdict, words.tolerance(tally.worst.get((stage, dtype)))
            )
        yield table
        yield ""
    style = STYLES[record.verdict] if record.verdict and not tally.kinds else "bold red"
    yield Text(conclusion(record), style)


def _environment_table(environment: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in environment.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else "-" if value is None else str(value)
        table.add_row(name, shown)
    return table


def title(command: str, case: CaseRecord) -> Text:
    subject = f"{words.candidate(case)} against " if command == "verify" else ""
    line = Text.assemble((f"{command}: {subject}{call(case)}", "bold"))
    return line.append(f"\n{words.circumstances(command, case)}  [{case.id}]", "dim")


def _shapes_table(shapes: Sequence[TensorShape], candidate: str) -> Table:
    columns = words.sizes_of(shapes, candidate)
    table = plain_table("tensor", "axes", *columns, *(["agree"] if len(columns) > 1 else []))
    for index, tensor in enumerate(shapes):
        sizes = (words.size(column[index]) for column in columns.values())
        agrees = [Text("yes", "green") if tensor.agrees else Text("NO", "bold red")] if len(columns) > 1 else []
        table.add_row(tensor.name, f"({', '.join(tensor.axes)})", *sizes, *agrees)
    return table


def _parameters_table(parameters: Sequence[Parameter]) -> Table:
    table = plain_table("parameter", "shape", "count>")
    for parameter in parameters[:MOST_PARAMETERS]:
        wrong = [seen for seen in (parameter.reference, parameter.expected) if seen not in (None, parameter.shape)]
        note = Text(f" NOT {words.size(wrong[0])}", "bold red") if wrong else Text()
        table.add_row(parameter.name, Text(words.size(parameter.shape)).append(note), f"{parameter.count:,}")
    if len(parameters) > MOST_PARAMETERS:
        others = sum(not parameter.agrees for parameter in parameters[MOST_PARAMETERS:])
        note = Text(f"{others} of them NOT as predicted", "bold red") if others else Text()
        table.add_row(f"... and {len(parameters) - MOST_PARAMETERS} more", note, "")
    table.add_row("total", f"{len(parameters)} parameters", f"{sum(p.count for p in parameters):,}", style="bold")
    return table


def _checks_table(checks: Sequence[Check]) -> Table:
    dtype = words.working_dtype(checks)
    errors = ["float64\nerror>", *([f"{dtype}\nerror>"] if dtype else []), "nn.RNN's\nown>"]
    table = plain_table("tensor", "verdict", *errors, "noise>", "passes\nat>")
    for found in words.by_tensor(checks):
        algorithm, precision = found.algorithm, found.precision
        figures = [algorithm.max_abs_error if algorithm else None]
        figures += [precision.max_abs_error if precision else None] if dtype else []
        figures += [precision.reference_max_abs_error if precision else None]
        table.add_row(
            found.tensor,
            _verdict(found.verdict),
            *map(words.number, figures),
            words.ratio(found.decisive.noise_ratio),
            words.passes_at(found.decisive),
        )
    return table


def _reasons(checks: Sequence[Check]) -> Iterator[Text]:
    """What does not match, or not without a word, and why."""
    told = words.reasons(checks)
    for verdict, line in told[:MOST_DETAILS]:
        yield Text(line, STYLES[verdict] if verdict != Verdict.MATCH else "dim")
    if len(told) > MOST_DETAILS:
        yield Text(f"... and {len(told) - MOST_DETAILS} more: --format json holds them all")


def _over_time(checks: Sequence[Check]) -> Iterator[Text]:
    """Where `output` does not simply match: its error over time, and what is known of nn.RNN's own and of the envelope,
    for each direction.
    """
    check = most_telling(checks)
    if check and (check.reason or check.verdict != Verdict.MATCH):
        yield from over_time(courses(check))


def over_time(found: Sequence[Course]) -> Iterator[Text]:
    """Lines of blocks, of all courses on one scale: from the first step's value to the last's."""
    scale = scale_of([steps for course in found for steps in course.shown().values()])
    widest = max(len(f"{name}, {course.direction}") for course in found for name in course.lines)
    for course in found:
        for name, steps in course.shown().items():
            whole = course.lines[name]
            if len(whole) > 1 and scale:
                first, last = words.number(whole[0]), f"{words.number(whole[-1])} t={len(whole) - 1}"
                label = f"{name}, {course.direction}"
                yield Text(f"{label:<{widest}} t=0 {first:>7} {sparkline(steps, *scale)} {last}", no_wrap=True)


def _faults(faults: Sequence[FaultResult]) -> Iterator[RenderableType]:
    """What the case does not see first, then what it catches, then in a line what cannot happen in it."""
    table = plain_table("fault", "status", "seen in", "would be seen with")
    styles = {"not-visible": "bold yellow", "caught": "green", "equivalent": "dim"}
    for fault in words.shown_faults(faults):
        where = f"{fault.tensor} ({fault.stage})" if fault.tensor else fault.reason or ""
        table.add_row(fault.id, Text(fault.status, styles[fault.status]), where, fault.change or "")
    yield table
    absent = [fault.id for fault in faults if fault.status == "not-applicable"]
    if absent:
        yield Text(f"not applicable here: {', '.join(absent)}", "dim")


def _timing_table(timings: Sequence[Timing]) -> Table:
    table = plain_table("pass", "implementation", "median>", "IQR>", "runs>", "ratio>")
    for timing in timings:
        ratio = "" if timing.ratio_to_reference is None else f"{timing.ratio_to_reference:.2f}"
        table.add_row(
            timing.pass_,
            timing.implementation,
            words.duration(timing.median_s),
            words.duration(timing.iqr_s),
            str(timing.runs),
            ratio,
        )
    return table


def _conclusion(case: CaseRecord) -> Text:
    style = STYLES[case.verdict] if case.verdict else "dim"
    if case.faults is not None:
        style = "bold yellow" if any(fault.status == "not-visible" for fault in case.faults) else "green"
    return Text(words.conclusion(case), style)


def _diagnosis(case: CaseRecord) -> Iterator[Text]:
    """What is wrong, the evidence, and the line to change."""
    for evidence, found in words.explained(case):
        yield Text(f"diagnosis: {' and '.join(diagnosis.id for diagnosis in found)}", "bold red")
        yield Text(f"  evidence: {evidence}")
        for diagnosis in found:
            yield Text(f"  to mend it: {diagnosis.fix}")


def plain_table(*columns: str) -> Table:
    """A table with a rule under its head; a column whose name ends in ">" is numbers, right-aligned."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    for name in columns:
        right = name.endswith(">")
        table.add_column(name.removesuffix(">"), justify="right" if right else "left", overflow="fold")
    return table


def _fit(table: Table, width: int) -> int:
    """Set the widths of the columns so that cells wrap between words and never inside a number or a name.

    Returns the width the table takes, which is more than `width` where that is too narrow for its words.
    """
    cells = [[str(cell) for cell in (column.header, *column.cells)] for column in table.columns]
    widths = [max(len(line) for cell in column for line in cell.split("\n")) for column in cells]
    narrowest = [max((len(word) for cell in column for word in cell.split()), default=0) for column in cells]
    narrowest[0] = widths[0]
    gaps = (len(widths) - 1) * (1 + table.padding[1])
    while sum(widths) + gaps > width:
        shrinkable = [index for index in range(len(widths)) if widths[index] > narrowest[index]]
        if not shrinkable:
            break
        widths[max(shrinkable, key=lambda index: widths[index])] -= 1
    for column, fitted in zip(table.columns, widths, strict=True):
        column.width = fitted
    return max(width, sum(widths) + gaps)


def _verdict(verdict: Verdict | None) -> Text:
    return Text(verdict or "", STYLES[verdict] if verdict else "")
