"""The record as tables for a person, readable at 80 columns."""

import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from rnncli.core import words
from rnncli.core.cells import cell_of
from rnncli.core.records import (
    CaseRecord,
    Check,
    Diagnosis,
    FaultResult,
    Parameter,
    RunRecord,
    Timing,
    Verdict,
    Wire,
    printable,
)
from rnncli.core.summary import by_argument, call, candidates, conclusion
from rnncli.report.failures import Failures
from rnncli.report.over_time import Course, courses, most_telling, scale_of, sparkline

PAGE_WIDTH = 80  # of a file or a pipe
MOST_UNEXPLAINED = 3  # sentences about a mismatch that no fault explains
MOST_GROUPS = 3  # kinds of failure that are shown
MOST_IN_FULL = 100  # cases of shapes and power
MOST_ROWS = 100  # of a table of parameters, with -v

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
    """The answer, then what it rests on."""
    if case.error:
        yield Text.assemble(("failed", "bold red"), f"  {words.candidate(case)} against {call(case)}")
        yield Text(case.error.message, "red")
        if case.error.traceback:
            yield Text(f"\n{case.error.traceback.rstrip()}", no_wrap=True)
        return
    yield headline(command, case)
    yield from _why(case, verbose)
    if case.reading:
        yield ""
        yield Text.assemble(("read as  ", "bold"), case.reading)
    if verbose and case.wiring:
        yield ""
        yield _wiring_table(case.wiring)
    if case.shapes:
        yield ""
        yield _shapes_table(case)
        yield Text(words.axes(case.config), "dim")
    if case.parameters:
        yield ""
        yield _parameters_table(case.parameters, verbose) if case.checks is None else _parameters(case.parameters)
    if case.checks:
        yield ""
        yield (
            _checks_table(case.checks, cell_of(case.config).layer)
            if verbose
            else _parity_table(case.checks, cell_of(case.config).layer)
        )
        yield from _reasons(case, verbose)
    if case.faults is not None:
        yield ""
        yield from _faults(case.faults)
    if case.timing:
        yield ""
        yield _times(case.timing) if verbose else _time_table(case.timing, words.candidate(case, short=True))
        if any(timing.noisy for timing in case.timing):
            yield Text("the machine is busy: the times vary too much for a ratio", "yellow")
    if case.recipes and case.checks is None:
        yield ""
        yield from (Text(line, no_wrap=True) for line in words.recipes(case.recipes, PAGE_WIDTH))
    yield Text(f"\n{words.circumstances(command, case)}{f'  [{case.id}]' if verbose else ''}", "dim")


def headline(command: str, case: CaseRecord) -> Text:
    """The verdict, coloured, and what it covers."""
    style = STYLES[case.verdict] if case.verdict else "bold"
    if case.faults is not None:
        style = "bold yellow" if any(fault.status == "not-visible" for fault in case.faults) else "green"
        return Text.assemble((words.seen_of(case.faults), style), f": {call(case)}")
    said = words.conclusion(case, call(case))
    if command == "bench" or case.verdict is None:
        return Text(said, style)
    return _under_verdict(case.verdict, style, said)


def _under_verdict(verdict: str, style: str, said: str) -> Text:
    """A sentence behind the verdict, whose first word stands beside it however long that word is."""
    indent = f"{verdict}  "
    lines = textwrap.wrap(said, PAGE_WIDTH, initial_indent=indent, break_long_words=False, break_on_hyphens=False)
    text = Text("\n".join(lines), no_wrap=True)
    text.stylize(style if "bold" in style else f"bold {style}", 0, len(verdict))
    return text


def _why(case: CaseRecord, verbose: bool) -> Iterator[RenderableType]:
    """Yield the diagnosis, the change that fixes it, the evidence, and the command that shows the mismatch again."""
    if case.shapes and case.verdict == Verdict.MISMATCH:
        yield from (Text(line, "bold red") for line in words.shape_disagreements(case))
    for evidence, found in words.explained(case):
        yield ""
        for diagnosis in found:
            yield from _diagnosed(diagnosis, verbose)
        yield Text(f"Evidence: {evidence}.")
    if case.verdict == Verdict.MISMATCH:
        yield from _over_time(case.checks or ()) if verbose else _wrong_over_time(case.checks or ())
    if case.replay:
        yield Text("Replay:")
        yield Text(case.replay, "bold", no_wrap=True)


def _diagnosed(found: Diagnosis, verbose: bool) -> Iterator[Text]:
    written = found.written or "no fault of the catalogue"
    written = written.partition(": ")[0] if found.change else written  # the change shows the code itself
    yield Text.assemble((f"{found.id}: {written}", "bold red"), f"  {found.at}" if found.at else "")
    equations = (found.equations or ()) if verbose or not found.change else ()
    beside = ["The same in manual/equations.py, wrong and right:"] if equations else []
    for line in (*(found.change or ()), *beside, *equations):
        yield Text(line, {"-": "red", "+": "green"}.get(line[:1], ""), no_wrap=True)
    if verbose or not found.change:
        yield Text(f"Fix: {found.fix}.")


def _wiring_table(wiring: Sequence[Wire]) -> Table:
    """Each tensor of the candidate, the weight it was given, and what settled that."""
    table = plain_table("candidate's tensor", "holds", "known by")
    for wire in wiring:
        table.add_row(wire.tensor, wire.weight, wire.evidence)
    return table


def _cases(record: RunRecord) -> Iterator[RenderableType]:
    """Many cases: what they come to, one failing case of each diagnosis, and what the failing ones have in common."""
    if record.command in ("shapes", "power"):
        yield _headline_of_many(record)
        failing = list(record.tally.failing) if len(record.cases) > MOST_IN_FULL else []
        shown = (failing or range(len(record.cases)))[:MOST_IN_FULL]
        for at in shown:
            yield ""
            yield from _case(record.command, record.cases[at], record.verbose)
        if len(record.cases) > len(shown):
            yield f"\n... and {len(record.cases) - len(shown)} more cases: --format json holds them all"
        return
    yield _headline_of_many(record)
    found = Failures()
    for at in record.tally.failing:
        found.add(at, record.cases[at])
    groups = found.groups()
    for group in groups[:MOST_GROUPS]:
        yield ""
        yield from _in_short(group.smallest(record.tally), len(group.places), record.verbose)
    if len(groups) > MOST_GROUPS:
        yield f"\n... and {len(groups) - MOST_GROUPS} more kinds of failure: --format csv lists every case"
    for why, count in record.tally.left_open.most_common(MOST_GROUPS):
        cases = f"{count} case{'' if count == 1 else 's'}"
        yield Text(f"\nnot-comparable, {cases}: {why}", STYLES[Verdict.NOT_COMPARABLE])
    yield from _summary(record)


def _headline_of_many(record: RunRecord) -> Text:
    verdict = record.verdict or ("failed" if record.tally.kinds else "incomplete")
    style = STYLES[record.verdict] if record.verdict and not record.tally.kinds else "bold red"
    return _under_verdict(verdict, style, f"{candidates(record)} against nn.RNN, {conclusion(record)}")


def _in_short(case: CaseRecord, count: int, verbose: bool) -> Iterator[RenderableType]:
    """One case of those that fail alike."""
    cases = "1 case" if count == 1 else f"{count} cases, of which the smallest"
    yield Text.assemble((f"{cases}: ", "bold"), f"{call(case)}, {words.circumstances('verify', case)}  [{case.id}]")
    if case.error:
        yield Text(case.error.message, "bold red")
    elif case.diagnosis:
        yield from _why(case, verbose)
        return
    else:
        yield from (Text(line, "bold red") for line in words.shape_disagreements(case))
        wrong = [Text(line, STYLES[of]) for of, line in words.reasons(case.checks or ()) if of == Verdict.MISMATCH]
        yield from wrong[:MOST_UNEXPLAINED]
    if case.replay:
        yield Text("Replay:")
        yield Text(case.replay, "bold", no_wrap=True)


def _summary(record: RunRecord) -> Iterator[RenderableType]:
    """Of many cases: on which arguments it depends whether one fails, and what was compared."""
    tally = record.tally
    arguments = list(by_argument(tally)) if len(tally.failing) > 1 else []
    if arguments:
        table = plain_table("argument", "failing of cases, by value")
        for name, values in arguments:
            shown = (f"{printable(value)}: {failing} of {count}" for value, failing, count in values)
            table.add_row(name, ", ".join(shown))
        yield ""
        yield table
    if tally.checks:
        counted = [verdict for verdict in Verdict if any(of[verdict] for of in tally.checks.values())]
        table = plain_table("stage", "dtype", "checks>", *(f"{verdict}>" for verdict in counted), "largest error>")
        for (stage, dtype), of in tally.checks.items():
            worst = tally.worst.get((stage, dtype))
            figures = [f"{of.total():,}", *(f"{of[verdict]:,}" for verdict in counted)]
            table.add_row(stage, dtype, *figures, "not finite" if worst == inf else words.number(worst))
        yield ""
        yield table
        yield Text("largest error: as a share of nn.RNN's largest value", "dim")


def _environment_table(environment: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in environment.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else "-" if value is None else str(value)
        table.add_row(name, shown)
    return table


def title(command: str, case: CaseRecord) -> Text:
    """A case of many: what is compared, and with what."""
    subject = f"{words.candidate(case)} against " if command == "verify" else ""
    line = Text.assemble((f"{command}: {subject}{call(case)}", "bold"))
    return line.append(f"\n{words.circumstances(command, case)}  [{case.id}]", "dim")


def _shapes_table(case: CaseRecord) -> Table:
    shapes, columns = case.shapes or (), words.sizes_of(case)
    differ = not all(tensor.agrees for tensor in shapes)
    table = plain_table("tensor", "axes", *columns, *(["agree"] if differ else []))
    for index, tensor in enumerate(shapes):
        sizes = (words.size(column[index]) for column in columns.values())
        agrees = [Text("yes", "green") if tensor.agrees else Text("NO", "bold red")] if differ else []
        table.add_row(tensor.name, f"({', '.join(tensor.axes)})", *sizes, *agrees)
    return table


def _parameters_table(parameters: Sequence[Parameter], verbose: bool) -> Table:
    shown, more = (parameters, 0) if verbose else words.first_parameters(parameters)
    gated = any(parameter.gates for parameter in shown)
    table = plain_table("parameter", "shape", "count>", *(["rows"] if gated else []))
    for parameter in shown:
        wrong = [seen for seen in (parameter.reference, parameter.expected) if seen not in (None, parameter.shape)]
        note = Text(f" NOT {words.size(wrong[0])}", "bold red") if wrong else Text()
        gates = [words.rows_of(parameter)] if gated else []
        table.add_row(parameter.name, Text(words.size(parameter.shape)).append(note), f"{parameter.count:,}", *gates)
    if more:
        table.add_row(f"... {more} more, -v", words.of_upper_layers(parameters))
    table.add_row("total", f"{len(parameters)} parameters", f"{sum(p.count for p in parameters):,}", style="bold")
    return table


def _parameters(parameters: Sequence[Parameter]) -> Text:
    """The parameters in lines of a paragraph; no line ends inside a shape."""
    name, indent = "parameters  ", " " * len("parameters  ")
    lines = [name]
    for item in words.parameters(parameters):
        if len(lines[-1]) + len(item) > PAGE_WIDTH - 1:
            lines.append(indent)
        lines[-1] += item if lines[-1] in (name, indent) else f" {item}"
    text = Text("\n".join(lines), no_wrap=True)
    text.stylize("bold", 0, len(name))
    return text


def _parity_table(checks: Sequence[Check], layer: str) -> Table:
    """A line for each tensor of the results; gradients that came to the same stand together."""
    rows = words.parity_rows(checks)
    dtype = words.working_dtype(checks) or "float64"
    right = all(row.verdict != Verdict.MISMATCH for row in rows)
    head = {}
    if any(row.error is not None for row in rows):
        head["error"] = f"error in {dtype}" if right else "error"
    if right and any(row.reference_error is not None for row in rows):
        head["own"] = f"{layer}'s own error"
    together = any(row.together for row in rows)
    table = plain_table("parity", "verdict", *(f"{name}>" for name in head.values()), *([""] if together else []))
    for row in rows:
        figures = {"error": row.error, "own": row.reference_error}
        shown = (words.number(figures[name]) if figures[name] is not None else "" for name in head)
        table.add_row(row.name, _verdict(row.verdict), *shown, *(["(largest)"] if row.together else []))
    return table


def _checks_table(checks: Sequence[Check], layer: str) -> Table:
    """Every tensor with the errors of both stages; a column without a value is left out."""
    dtype = words.working_dtype(checks)
    found = words.by_tensor(checks)
    columns: dict[str, list[str]] = {"float64\nerror>": [_error(of.algorithm) for of in found]}
    if dtype:
        columns[f"{dtype}\nerror>"] = [_error(of.precision) for of in found]
    columns[f"{layer}'s\nown>"] = [_own_error(of.precision) for of in found]
    columns["noise\nenvelopes>"] = [words.ratio(of.decisive.noise_ratio) if of.noise else "-" for of in found]
    columns["passes\nat rtol>"] = [words.passes_at(of.decisive) if of.bounded else "-" for of in found]
    shown = {name: values for name, values in columns.items() if set(values) - {"-", ""}}
    table = plain_table("parity", "verdict", *shown)
    for index, of in enumerate(found):
        table.add_row(of.tensor, _verdict(of.verdict), *(values[index] for values in shown.values()))
    return table


def _error(check: Check | None) -> str:
    return words.number(check.max_abs_error if check else None)


def _own_error(check: Check | None) -> str:
    return words.number(check.reference_max_abs_error if check else None)


def _reasons(case: CaseRecord, verbose: bool) -> Iterator[Text]:
    """Yield the reasons of checks that were compared in part or not at all, and of a mismatch that no fault explains.

    With `verbose`, yield the reason of every check that has one.
    """
    told = words.reasons(case.checks or ())
    if not verbose:
        named = any(found.written for found in case.diagnosis or ())
        wrong = [one for one in told if one[0] == Verdict.MISMATCH]
        told = [*([] if named else wrong[:MOST_UNEXPLAINED]), *(one for one in told if one not in wrong)]
    for verdict, line in told:
        yield Text(line, STYLES[verdict] if verdict != Verdict.MATCH else "dim")
    if verbose and case.verdict != Verdict.MISMATCH:
        yield from _over_time(case.checks or ())


def _wrong_over_time(checks: Sequence[Check]) -> Iterator[Text]:
    """From which step on `output` is wrong, and a line of blocks for each direction."""
    check = most_telling(checks)
    if check is None or check.verdict != Verdict.MISMATCH:
        return
    first = check.first_divergence
    found = courses(check)
    scale = scale_of([course.error for course in found])
    for course in found:
        if not scale or len(course.error) < 2 or not any(course.error):
            continue
        told = f"Error of output, {course.direction}:"
        if first and first.time is not None and first.direction == course.direction:
            told = f"Wrong from {'the first step' if first.time == 0 else f't={first.time}'} on:"
            if course.direction == "reverse":
                told = f"Wrong in the reverse direction, from t={first.time} back:"
        steps = course.shown()["error"]
        yield Text(f"{told} t=0 {sparkline(steps, *scale)} t={len(course.error) - 1}", no_wrap=True)


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


def _time_table(timings: Sequence[Timing], candidate: str) -> Table:
    """The median of each pass, and the ratio where it means something."""
    by_pass: dict[str, dict[str, Timing]] = {}
    for timing in timings:
        by_pass.setdefault(timing.pass_, {})[timing.implementation] = timing
    ratios = {pass_: next((t for t in found.values() if not t.is_reference), None) for pass_, found in by_pass.items()}
    told = {pass_: t.ratio_to_reference for pass_, t in ratios.items() if t and not t.noisy}
    table = plain_table(
        "time", f"{timings[0].implementation}>", f"{candidate}>", *(["ratio>"] if any(told.values()) else [])
    )
    for pass_, found in by_pass.items():
        times = [words.duration(timing.median_s) for timing in found.values()]
        ratio = told.get(pass_)
        shown = [f"{ratio:.2f}" if ratio is not None else ""] if any(told.values()) else []
        table.add_row(pass_, *times, *shown)
    return table


def _times(timings: Sequence[Timing]) -> Table:
    table = plain_table("time", "implementation", "median>", "IQR>", "runs>", "ratio>")
    for timing in timings:
        ratio = "" if timing.ratio_to_reference is None or timing.noisy else f"{timing.ratio_to_reference:.2f}"
        times = (words.duration(timing.median_s), words.duration(timing.iqr_s))
        table.add_row(timing.pass_, timing.implementation, *times, str(timing.runs), ratio)
    return table


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
