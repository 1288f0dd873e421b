"""The record as tables for a person, readable at 80 columns."""

import io
import textwrap
from collections.abc import Iterable, Iterator

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from rnncli.core import parity, words
from rnncli.core.causes import FURTHER_CALLS
from rnncli.core.records import CaseRecord, Diagnosis, RunRecord, Timing, Verdict, printable
from rnncli.core.summary import by_argument, candidates, cases, conclusion, layers, verdicts_of
from rnncli.core.words import call
from rnncli.report.columns import Row, fit, table
from rnncli.report.failures import Failures
from rnncli.report.one_line import without_verdict
from rnncli.report.over_time import courses, most_telling, scale_of, sparkline

PAGE_WIDTH = 80  # of a file or a pipe
MOST_UNEXPLAINED = 3  # sentences about a mismatch that no fault explains
MOST_GROUPS = 3  # kinds of failure that are shown
MOST_IN_FULL = 100  # cases of shapes and power

STYLES = {Verdict.MATCH: "green", Verdict.MISMATCH: "bold red", Verdict.NOT_COMPARABLE: "yellow"}
FAULT_STYLES = {"not-visible": "bold yellow", "caught": "green", "equivalent": "dim"}


def render(record: RunRecord) -> Iterator[str]:
    """Yield the tables as lines of plain text of PAGE_WIDTH columns."""
    page = io.StringIO()
    draw(record, Console(file=page, width=PAGE_WIDTH, color_system=None, highlight=False))
    yield from (f"{line.rstrip()}\n" for line in page.getvalue().splitlines())


def draw(record: RunRecord, console: Console) -> None:
    """Draw the record on a console: one case in full; of many, those that do not match, and a summary."""
    width = console.width
    for block in _blocks(record):
        # a table too wide for the terminal is folded by the terminal, line by line, and not by column
        console.width = fit(block, width) if isinstance(block, Table) else width
        if isinstance(block, Text):
            block.plain = printable(block.plain)
        whole = isinstance(block, Text) and bool(block.no_wrap)  # code and commands, to be pasted
        console.print(block, markup=False, highlight=False, soft_wrap=whole)
    console.width = width


def _blocks(record: RunRecord) -> Iterable[RenderableType]:
    if record.command == "env":
        environment = Table.grid(padding=(0, 2))
        for name, value in (record.environment or {}).items():
            shown = ", ".join(map(str, value)) if isinstance(value, list) else "-" if value is None else str(value)
            environment.add_row(name, shown)
        return [environment]
    if record.command == "bench":
        from rnncli.report.bench import blocks

        return blocks(record)
    if len(record.cases) == 1 and not record.missing:
        return _case(record.command, record.cases[0], record.verbose)
    return _cases(record)


def _case(command: str, case: CaseRecord, verbose: bool) -> Iterator[RenderableType]:
    if case.error:
        yield Text.assemble(("failed", "bold red"), f"  {words.candidate(case)} against {call(case)}")
        yield Text(case.error.message, "red")
        if case.error.traceback:
            yield Text(f"\n{case.error.traceback.rstrip()}", no_wrap=True)
        return
    yield _headline(case)
    yield from _why(case, verbose)
    for section in _sections(case, verbose):
        yield ""
        yield from section
    yield Text(f"\n{words.circumstances(command, case)}{f'  [{case.id}]' if verbose else ''}", "dim")


def _sections(case: CaseRecord, verbose: bool) -> Iterator[Iterable[RenderableType]]:
    if case.reading:
        yield [Text.assemble(("read as  ", "bold"), case.reading)]
    if verbose and case.wiring:
        rows = [(wire.tensor, wire.weight, wire.evidence) for wire in case.wiring]
        yield [table(["candidate's tensor", "holds", "known by"], rows)]
    if case.shapes:
        yield [_shapes(case), Text(words.axes(case), "dim")]
    if case.parameters:
        yield [_parameters_table(case, verbose) if verbose or case.checks is None else _parameters(case)]
    if case.checks:
        yield [_checks(case) if verbose else _parity(case), *_reasons(case, verbose)]
    if case.faults is not None:
        yield _faults(case)
    if case.timing:
        busy = Text("the machine is busy: the times vary too much for a ratio", "yellow")
        yield [_all_times(case) if verbose else _times(case), *([busy] if any(t.noisy for t in case.timing) else [])]
    if case.recipes and case.checks is None:
        yield (Text(line, no_wrap=True) for line in words.recipes(case.recipes, PAGE_WIDTH))


def _headline(case: CaseRecord) -> Text:
    if case.faults is not None:
        style = "bold yellow" if any(fault.status == "not-visible" for fault in case.faults) else "green"
        return Text.assemble((words.seen_of(case.faults), style), f": {call(case)}")
    said = words.conclusion(case)
    return _under_verdict(case.verdict, STYLES[case.verdict], said) if case.verdict else Text(said, "bold")


def _under_verdict(verdict: str, style: str, said: str) -> Text:
    """A sentence behind the verdict, whose first word stands beside it however long that word is."""
    indent = f"{verdict}  "
    lines = textwrap.wrap(said, PAGE_WIDTH, initial_indent=indent, break_long_words=False, break_on_hyphens=False)
    text = Text("\n".join(lines), no_wrap=True)
    text.stylize(style if "bold" in style else f"bold {style}", 0, len(verdict))
    return text


def _why(case: CaseRecord, verbose: bool) -> Iterator[RenderableType]:
    wrong = case.verdict == Verdict.MISMATCH
    if case.shapes and wrong:
        yield from _disagreements(case)
    for evidence, found in words.explained(case):
        yield ""
        for diagnosis in found:
            yield from _diagnosed(diagnosis, verbose)
        yield Text(f"Evidence: {evidence}.")
    if wrong:
        yield from _over_time(case) if verbose else _wrong_over_time(case)
    yield from _replay(case)


def _disagreements(case: CaseRecord) -> Iterator[Text]:
    return (Text(line, "bold red") for line in words.shape_disagreements(case))


def _replay(case: CaseRecord) -> list[Text]:
    return [Text("Replay:"), Text(case.replay, "bold", no_wrap=True)] if case.replay else []


def _diagnosed(found: Diagnosis, verbose: bool) -> Iterator[Text]:
    written = found.written or "no fault of the catalogue"
    written = written.partition(": ")[0] if found.change else written  # the change shows the code itself
    yield Text.assemble((f"{found.id}: {written}", "bold red"), f"  {found.at}" if found.at else "")
    equations = (found.equations or ()) if verbose or not found.change else ()
    where = "The same in" if found.change else "In"
    signs = {line[:1] for line in equations} & {"-", "+"}
    told = {"-": "what does not belong there", "+": "what is missing"}.get("".join(signs), "wrong and right")
    beside = [f"{where} manual/equations.py, {told}:"] if equations else []
    for line in (*(found.change or ()), *beside, *equations):
        yield Text(line, {"-": "red", "+": "green"}.get(line[:1], ""), no_wrap=True)
    if verbose or not found.change:
        yield Text(f"Fix: {found.fix}.")


def _reasons(case: CaseRecord, verbose: bool) -> Iterator[Text]:
    """The reasons of checks that were compared in part or not at all, and of a mismatch that no fault explains; with
    `verbose`, all there are.
    """
    told = words.reasons(case.checks or ())
    if not verbose:
        named = any(found.written for found in case.diagnosis or ())
        wrong = [one for one in told if one[0] == Verdict.MISMATCH]
        told = [*([] if named else wrong[:MOST_UNEXPLAINED]), *(one for one in told if one not in wrong)]
    for verdict, line in told:
        yield Text(line, STYLES[verdict] if verdict != Verdict.MATCH else "dim")
    if verbose and case.verdict != Verdict.MISMATCH:
        yield from _over_time(case)


def _cases(record: RunRecord) -> Iterator[RenderableType]:
    tally = record.tally
    verdict = record.verdict or without_verdict(record)
    failed = bool(tally.kinds) or verdict == "incomplete"
    style = "bold red" if failed else STYLES[record.verdict] if record.verdict else "bold"
    of = f"{candidates(record)} against {layers(record)}" if record.verdict or failed else layers(record)
    yield _under_verdict(verdict, style, f"{of}, {conclusion(record)}")
    if record.command in ("shapes", "power"):
        failing = list(tally.failing) if len(record.cases) > MOST_IN_FULL else []
        shown = (failing or range(len(record.cases)))[:MOST_IN_FULL]
        yield from _in_full(record, shown)
        if left := len(record.cases) - len(shown):
            yield f"\n... and {words.counted(left, 'more case')}: --format json holds them all"
        return
    found = Failures()
    for at in tally.failing:
        found.add(at, record.cases[at])
    groups = found.groups()
    for group in groups[:MOST_GROUPS]:
        yield ""
        yield from _in_short(group.smallest(tally), len(group.places), record.verbose)
    if len(groups) > MOST_GROUPS:
        more = words.counted(len(groups) - MOST_GROUPS, "more kind")
        yield f"\n... and {more} of failure: --format csv lists every case"
    for why, count in tally.left_open.most_common(MOST_GROUPS):
        yield Text(f"\nnot-comparable, {cases(count)}: {why}", STYLES[Verdict.NOT_COMPARABLE])
    yield from _summary(record)
    yield from _in_full(record, range(len(record.cases)) if record.verbose else ())


def _in_full(record: RunRecord, places: Iterable[int]) -> Iterator[RenderableType]:
    for at in places:
        yield ""
        yield from _case(record.command, record.cases[at], record.verbose)


def _in_short(case: CaseRecord, count: int, verbose: bool) -> Iterator[RenderableType]:
    alike = "1 case" if count == 1 else f"{count} cases, of which the smallest"
    yield Text.assemble((f"{alike}: ", "bold"), f"{call(case)}, {words.circumstances('verify', case)}  [{case.id}]")
    if case.diagnosis and not case.error:
        yield from _why(case, verbose)
        return
    if case.error:
        yield Text(case.error.message, "bold red")
    else:
        yield from _disagreements(case)
        wrong = [Text(line, STYLES[of]) for of, line in words.reasons(case.checks or ()) if of == Verdict.MISMATCH]
        yield from wrong[:MOST_UNEXPLAINED]
    yield from _replay(case)


def _summary(record: RunRecord) -> Iterator[RenderableType]:
    tally = record.tally
    arguments = dict(by_argument(tally)) if len(tally.failing) > 1 else {}
    if arguments:
        told = {name: ", ".join(f"{printable(v)}: {bad} of {n}" for v, bad, n in of) for name, of in arguments.items()}
        yield ""
        yield table(["argument", "failing of cases, by value"], list(told.items()))
    if tally.checks:
        counted, rows = verdicts_of(tally), []
        for key, of in tally.checks.items():
            figures = (f"{count:,}" for count in (of.total(), *(of[verdict] for verdict in counted)))
            rows.append([*key, *figures, words.tolerance(tally.worst.get(key))])
        yield ""
        yield table(["stage", "dtype", "checks>", *(f"{verdict}>" for verdict in counted), "all pass at>"], rows)
        yield Text(f"all pass at: this tolerance, as a share of {layers(record)}'s largest value", "dim")


def _shapes(case: CaseRecord) -> Table:
    shapes = case.shapes or ()
    known = words.sizes_of(case)
    agree = all(tensor.agrees for tensor in shapes)
    rows: list[Row] = []
    for at, tensor in enumerate(shapes):
        agrees = "" if agree else Text("yes", "green") if tensor.agrees else Text("NO", "bold red")
        sizes = [words.size(column[at]) for column in known.values()]
        rows.append([tensor.name, f"({', '.join(tensor.axes)})", *sizes, agrees])
    return table(["tensor", "axes", *known, "agree?"], rows)


def _parameters_table(case: CaseRecord, verbose: bool) -> Table:
    parameters = case.parameters or ()
    shown, more = (parameters, 0) if verbose else words.first_parameters(parameters)
    rows: list[Row] = []
    for parameter in shown:
        wrong = [seen for seen in (parameter.reference, parameter.expected) if seen not in (None, parameter.shape)]
        note = Text(f" NOT {words.size(wrong[0])}", "bold red") if wrong else Text()
        shape = Text(words.size(parameter.shape)).append(note)
        rows.append([parameter.name, shape, f"{parameter.count:,}", words.rows_of(parameter)])
    if more:
        rows.append([f"... {more} more, -v", words.of_upper_layers(parameters), "", ""])
    drawn = table(["parameter", "shape", "count>", "rows?"], rows)
    drawn.add_row("total", f"{len(parameters)} parameters", f"{sum(p.count for p in parameters):,}", style="bold")
    return drawn


def _parameters(case: CaseRecord) -> Text:
    """The parameters in lines of a paragraph; no line ends inside a shape."""
    name, whole = "parameters  ", "\xa0"  # a space that no line ends at
    said = " ".join(item.replace(" ", whole) for item in words.parameters(case.parameters or ()))
    lines = textwrap.wrap(said, PAGE_WIDTH, initial_indent=name, subsequent_indent=" " * len(name))
    text = Text("\n".join(lines).replace(whole, " "), no_wrap=True)
    text.stylize("bold", 0, len(name))
    return text


def _parity(case: CaseRecord) -> Table:
    """A line for each tensor of the results; gradients that came to the same stand together."""
    checks = case.checks or ()
    found = parity.rows(checks)
    right = all(row.verdict != Verdict.MISMATCH for row in found)
    error = f"error in {parity.working_dtype(checks) or 'float64'}" if right else "error"
    rows: list[Row] = []
    for row in found:
        errors = (words.number(value, "") for value in (row.error, row.reference_error if right else None))
        rows.append([row.name, _verdict(row.verdict), *errors, row.note])
    return table(["parity", "verdict", f"{error}>?", f"{case.cell.layer}'s own error>?", "?"], rows)


def _checks(case: CaseRecord) -> Table:
    checks, layer = case.checks or (), case.cell.layer
    rows: list[Row] = []
    for of in parity.by_tensor(checks):
        noise = words.ratio(of.decisive.noise_ratio) if of.noise else "-"
        passes = parity.passes_at(of.decisive) if of.bounded else "-"
        rows.append([of.tensor, _verdict(of.verdict), *(words.number(error) for error in of.errors), noise, passes])
    errors = ["float64\nerror>?", f"{parity.working_dtype(checks)}\nerror>?", f"{layer}'s\nown>?"]
    return table(["parity", "verdict", *errors, "noise\nratio>?", "passes\nat rtol>?"], rows)


def _faults(case: CaseRecord) -> Iterator[RenderableType]:
    """The faults that the case does not see first, then those it catches, then in a line those that cannot happen."""
    rows: list[Row] = []
    for fault in words.shown_faults(case.faults or ()):
        where = f"{fault.tensor} ({fault.stage})" if fault.tensor else fault.reason or ""
        rows.append([fault.id, Text(fault.status, FAULT_STYLES[fault.status]), where, fault.change or ""])
    yield table(["fault", "status", "seen in", "would be seen with"], rows)
    absent = [fault.id for fault in case.faults or () if fault.status == "not-applicable"]
    if absent:
        yield Text(f"not applicable here: {', '.join(absent)}", "dim")


def _times(case: CaseRecord) -> Table:
    by_pass: dict[str, dict[bool, Timing]] = {}
    for timing in case.timing or ():
        by_pass.setdefault(timing.pass_, {})[timing.is_reference] = timing
    rows = []
    for pass_, found in by_pass.items():
        medians = [words.duration(found[of].median_s) if of in found else "" for of in (True, False)]
        rows.append([pass_, *medians, _ratio(found.get(False))])
    return table(["time", f"{case.cell.layer}>", f"{words.candidate(case, short=True)}>", "ratio>?"], rows)


def _all_times(case: CaseRecord) -> Table:
    rows = []
    for timing in case.timing or ():
        times = words.duration(timing.median_s), words.duration(timing.iqr_s)
        rows.append([timing.pass_, timing.implementation, *times, str(timing.runs), _ratio(timing)])
    return table(["time", "implementation", "median>", "IQR>", "runs>", "ratio>"], rows)


def _ratio(timing: Timing | None) -> str:
    return "" if timing is None or timing.noisy else words.ratio_to(timing.ratio_to_reference, "")


def _verdict(verdict: Verdict | None) -> Text:
    return Text(verdict or "", STYLES[verdict] if verdict else "")


def _wrong_over_time(case: CaseRecord) -> Iterator[Text]:
    check = most_telling(case.checks or ())
    if check is None or check.verdict != Verdict.MISMATCH or check.cause in FURTHER_CALLS:
        return
    first, found = check.first_divergence, courses(check)
    scale = scale_of([course.error for course in found])
    for course in found:
        if not scale or len(course.error) < 2 or not any(course.error):
            continue
        told = f"Error of output, {course.direction}:"
        if first and first.time is not None and first.direction == course.direction:
            told = f"Wrong from {'the first step' if first.time == 0 else f't={first.time}'} on:"
            if course.direction == "reverse":
                told = f"Wrong in the reverse direction, from t={first.time} back:"
        blocks = sparkline(course.shown()["error"], *scale)
        yield Text(f"{told} t=0 {blocks} t={len(course.error) - 1}", no_wrap=True)


def _over_time(case: CaseRecord) -> Iterator[Text]:
    check = most_telling(case.checks or ())
    if check is None or (check.verdict == Verdict.MATCH and not check.reason):
        return
    found = courses(check, case.cell.layer)
    scale = scale_of([steps for course in found for steps in course.shown().values()])
    widest = max(len(f"{name}, {course.direction}") for course in found for name in course.lines)
    for course in found:
        for name, steps in course.shown().items():
            whole = course.lines[name]
            if len(whole) > 1 and scale:
                first, last = words.number(whole[0]), f"{words.number(whole[-1])} t={len(whole) - 1}"
                label = f"{name}, {course.direction}"
                yield Text(f"{label:<{widest}} t=0 {first:>7} {sparkline(steps, *scale)} {last}", no_wrap=True)
