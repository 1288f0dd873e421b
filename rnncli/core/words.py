"""A case in words and figures: the same in a terminal as on a page."""

import math
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rnncli.core.causes import BESIDE_VALUES, DEVICE_HARDCODED, DOWNCAST, FURTHER_CALLS
from rnncli.core.records import (
    CaseRecord,
    Check,
    Diagnosis,
    FaultResult,
    Location,
    Parameter,
    Recipe,
    TensorShape,
    Timing,
    Verdict,
    printable,
)

if TYPE_CHECKING:
    from rnncli.core.case import Case

NO_BREAK = "\N{NO-BREAK SPACE}"
MOST_NAMES = 8
DEFAULTS = {"num_layers": 1, "nonlinearity": "tanh", "bias": True, "batch_first": False, "dropout": 0.0}
DEFAULTS |= {"bidirectional": False, "proj_size": 0}
FEWEST_PARAMETERS = 4  # that are shown where there are more: those of one layer in one direction
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}


def number(value: float | None, unknown: str = "-") -> str:
    """Return an error in short: 1.2e-07."""
    return unknown if value is None else "0" if value == 0 else f"{value:.1e}"


def tolerance(value: float | None) -> str:
    """Return a tolerance that something passes at; "none" where no tolerance lets it through."""
    return "none" if value is not None and math.isinf(value) else number(value)


def ratio(value: float | None) -> str:
    """Return a ratio in short: 0.23, 14, >10,000."""
    return "-" if value is None else f"{value:.2g}" if value < 1e4 else ">10,000"


def ratio_to(value: float | None, unknown: str = "-") -> str:
    """Return a ratio to the time of torch's layer: 0.87."""
    return unknown if value is None else f"{value:.2f}"


def spread(timing: Timing) -> tuple[float, float]:
    """Return the ends of the range that half of the ratios to torch's time lie in; the ratio where it is not known."""
    ratio = timing.ratio_to_reference or 0.0
    return timing.ratio_low or ratio, timing.ratio_high or ratio


def powers(exponents: Mapping[str, float]) -> list[str]:
    """Return the factors of a time that grows with sizes: seq_len^0.93."""
    return [f"{size}^{exponent:.2f}" for size, exponent in exponents.items()]


def call(case: "CaseRecord | Case") -> str:
    """Return torch's layer as the case builds it: nn.RNN(3, 5, num_layers=2)."""
    rnn = case.config["rnn"]
    extra = [f", {name}={rnn[name]!r}" for name, default in DEFAULTS.items() if rnn.get(name) not in (default, None)]
    return f"{case.cell.layer}({rnn['input_size']}, {rnn['hidden_size']}{''.join(extra)})"


def initial(case: CaseRecord) -> str:
    """Return what a case starts from: h_0 random, h_0 and c_0 omitted."""
    return f"{' and '.join(case.cell.initial)} {case.config['input']['h_0']}"


def size(sizes: tuple[int, ...] | None) -> str:
    """Return a shape as Python writes it."""
    return "-" if sizes is None else f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(map(str, sizes))})"


def duration(seconds: float) -> str:
    """Return a time in the unit that makes it a number of few digits."""
    unit, per_second = ("s", 1.0) if seconds >= 1 else ("ms", 1e3) if seconds * 1e3 >= 1 else ("us", 1e6)
    value = seconds * per_second
    return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"


def memory(count: int | None) -> str:
    """Return bytes in the unit that makes them a number of few digits."""
    if count is None:
        return ""
    power = min(3, max(0, count.bit_length() - 1) // 10)
    value, unit = count / 2 ** (10 * power), ("B", "KiB", "MiB", "GiB")[power]
    return f"{value:.2g} {unit}" if power and value < 100 else f"{value:.0f} {unit}"


def place(at: Location, tensor: str) -> str:
    """Return a location in short; what the tensor's own name says already is left out."""
    if at.column is not None or tensor.startswith("grad bias"):
        return f"[{at.unit}]" if at.column is None else f"[{at.unit},{at.column}]"
    layer = None if tensor in ("output", "grad input") else at.layer
    parts = [("l", layer), ("t", at.time), ("n", at.batch), ("u", at.unit)]
    placed = [f"{axis}={index}" for axis, index in parts if index is not None]
    return " ".join(["rev", *placed] if at.direction == "reverse" else placed)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 step, 5 steps."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def are(number: int, noun: str) -> str:
    """Return a number with its noun as the subject of a sentence: 1 check is, 16 checks are."""
    return f"{counted(number, noun)} {'is' if number == 1 else 'are'}"


def joined(parts: Sequence[str]) -> str:
    """Return a list in words: a, b and c."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def candidate(case: CaseRecord, short: bool = False) -> str:
    """Return the candidate's name; in short, of a user's own, that it is the candidate."""
    return "candidate" if short and ":" in case.candidate else printable(case.candidate)


def implementation(name: str, case: CaseRecord) -> str:
    """Return the name of an implementation; of a user's own, that it is the candidate."""
    return printable(name.replace(case.candidate, "candidate")) if ":" in case.candidate else name


def circumstances(command: str, case: CaseRecord) -> str:
    """Return what a case was run with beside the layer's arguments: float32 on cpu, batched, h_0 random, seed 0."""
    run = case.config["run"]
    where = f"{run['dtype']} on {case.device}" if case.device else run["dtype"]
    details = [where, case.config["input"]["layout"], initial(case)]
    if command != "shapes":
        scaled = f"weights x{run['weight_scale']:g}" if run["weight_scale"] != 1 else ""
        details += ["train mode" if run["train"] else "", f"seed {run['seed']}", scaled]
    return ", ".join(filter(None, [*details, case.backend]))


def axes(case: CaseRecord) -> str:
    """Return the letters of the axes with their sizes; of packed input, with what is shown of it."""
    line = letters(case)
    return f"{line}; of a packed tensor, .data is shown" if case.config["input"]["layout"] == "packed" else line


def letters(case: "CaseRecord | Case") -> str:
    """Return the letters of the axes with their sizes: L=5 steps, N=10 sequences, D=1 direction, H_in=20, H_out=40."""
    rnn, given = case.config["rnn"], case.config["input"]
    sizes = [f"L={counted(given['seq_len'], 'step')}"]
    sizes += [f"N={counted(given['batch_size'], 'sequence')}"] if given["layout"] != "unbatched" else []
    sizes += [f"D={counted(1 + rnn['bidirectional'], 'direction')}", f"H_in={rnn['input_size']}"]
    sizes += [f"H_out={rnn.get('proj_size') or rnn['hidden_size']}"]
    return ", ".join(sizes + [f"H_cell={rnn['hidden_size']}"] * (len(case.cell.states) > 1))


def parameters(found: Sequence[Parameter]) -> Iterator[str]:
    """Yield the first parameters with their shapes, what the others are, and how many elements there are."""
    shown, more = first_parameters(found)
    parts = [f"{parameter.name} {size(parameter.shape)}" for parameter in shown]
    if more:
        all_reverse = sum(parameter.name.endswith("_reverse") for parameter in found) == more
        parts.append(f"and the same {NUMBERS[more]} _reverse" if all_reverse else f"... {more} more (-v)")
    yield from (f"{part}," for part in parts[:-1])
    yield from (f"{parts[-1]}:", f"{sum(parameter.count for parameter in found):,} elements")


def every_parameter(found: Sequence[Parameter]) -> str:
    """Return the number of parameters and of their elements, and each name with its shape."""
    named = ", ".join(f"{parameter.name} {size(parameter.shape)}" for parameter in found)
    return f"{len(found)} parameters, {sum(parameter.count for parameter in found):,} elements: {named}"


def first_parameters(found: Sequence[Parameter]) -> tuple[Sequence[Parameter], int]:
    """Return the first parameters, all of them where a shape is wrong, and how many more there are."""
    most = max(FEWEST_PARAMETERS, sum(parameter.name.endswith("_l0") for parameter in found))
    most = most if all(parameter.agrees for parameter in found) else len(found)
    return found[:most], max(0, len(found) - most)


def rows_of(parameter: Parameter) -> str:
    """Return whose rows a parameter of a gated cell holds, in order: 40 each of i, f, g, o."""
    gates = parameter.gates or ()
    return f"{parameter.shape[0] // len(gates)} each of {', '.join(gates)}" if gates else ""


def of_upper_layers(found: Sequence[Parameter]) -> str:
    """Return the shape of weight_ih in the layers above the first; empty where there are none."""
    upper = next((parameter for parameter in found if parameter.name == "weight_ih_l1"), None)
    return f"{upper.name} {size(upper.shape)}" if upper else ""


def recipes(found: Sequence[Recipe], width: int) -> Iterator[str]:
    """Yield lines of Python: each with its shape and what it is in a comment beside it, or below a long one."""
    column = max((len(recipe.code) for recipe in found if len(recipe.code) <= width // 4), default=0)
    for recipe in found:
        code, note = recipe.code, recipe.note.replace("`", "")
        note = f"{size(recipe.shape).replace(' ', NO_BREAK)} {note}" if recipe.shape is not None else note
        if len(code) > column:
            yield code
            code = ""
        for line in textwrap.wrap(note, width - column - len("  # ")):
            yield f"{code:<{column}}  # {line}".replace(NO_BREAK, " ")
            code = ""


def sizes_of(case: CaseRecord) -> dict[str, list[tuple[int, ...] | None]]:
    """Return the sizes of each tensor by whose they are, without those that nobody gave."""
    given = {"predicted": "predicted", case.cell.layer: "reference"}
    given |= {candidate(case, short=True): "candidate", "expected": "expected"}
    columns = {whose: [getattr(shape, field) for shape in case.shapes or ()] for whose, field in given.items()}
    return {whose: sizes for whose, sizes in columns.items() if any(sizes)}


def shape_disagreements(case: CaseRecord) -> Iterator[str]:
    """Yield a line for each tensor or parameter whose sizes do not agree."""
    layer, own = case.cell.layer, candidate(case, short=True)
    found: list[TensorShape | Parameter] = [*(case.shapes or ()), *(case.parameters or ())]
    for tensor in found:
        predicted = tensor.shape if isinstance(tensor, Parameter) else tensor.predicted
        seen = {layer: tensor.reference, own: None if isinstance(tensor, Parameter) else tensor.candidate}
        others = [f", {whose} has {size(sizes)}" for whose, sizes in seen.items() if sizes not in (None, predicted)]
        if others:
            yield f"{tensor.name} is {size(predicted)} by rule{''.join(others)}"
        elif not tensor.agrees:
            hint = f": {tensor.given_by} gives it" if tensor.given_by else "; no single argument gives it"
            yield f"{tensor.name} is {size(predicted)}, expected {size(tensor.expected)}{hint}"


def reasons(checks: Sequence[Check]) -> list[tuple[Verdict, str]]:
    """Return a line for each check that does not match, or not without a word; or for all that share a reason."""
    groups: dict[tuple[Verdict, str], list[Check]] = {}
    wrong = {check.tensor for check in checks if check.stage == "algorithm" and check.verdict == Verdict.MISMATCH}
    checks = [check for check in checks if check.stage == "algorithm" or check.tensor not in wrong]
    for check in sorted(checks, key=lambda check: list(Verdict).index(check.verdict), reverse=True):
        if check.verdict != Verdict.MATCH or check.reason:
            key = check.reason or f"{check.tensor} {check.stage}"
            groups.setdefault((check.verdict, key), []).append(check)
    return [(verdict, f"{verdict} {_together(group)}: {_why(group[0])}") for (verdict, _), group in groups.items()]


def _together(group: Sequence[Check]) -> str:
    stages = ", ".join(dict.fromkeys(f"{check.stage} {check.dtype}" for check in group))
    names = list(dict.fromkeys(check.tensor for check in group))
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{', '.join(names[:MOST_NAMES])}{more} ({stages})"


def _why(check: Check) -> str:
    places = {"first at": check.first_divergence, "worst at": check.worst}
    shown = [f"{which} {place(at, check.tensor)}" for which, at in places.items() if at]
    error = f"error {number(check.max_abs_error)}"
    if check.noise_ratio is not None:
        error = f"{ratio(check.noise_ratio)} times what rounding can do here"
    return "; ".join([check.reason or error, *shown])


def explained_by(case: CaseRecord) -> list[str]:
    """Return the ids of a diagnosis; those that another dtype or device would show only where they are alone."""
    found = [one.id for one in case.diagnosis or ()]
    beside = {DEVICE_HARDCODED, *([DOWNCAST] if case.config["run"]["dtype"] != "float64" else [])}
    return [id for id in found if id not in beside] or found


def conclusion(case: CaseRecord) -> str:
    """Return in a line what a verdict covers."""
    reference, checks = call(case), case.checks
    if case.faults is not None:
        return seen_of(case.faults)
    if case.verdict is None:
        return f"{reference}: predicted by rule alone; nothing was run"
    if checks is None:
        agree = case.verdict == Verdict.MATCH
        return f"{reference}: every shape is as predicted" if agree else f"{reference} has other shapes"
    name = candidate(case)
    if case.verdict == Verdict.MISMATCH:
        return _mismatch(name, case)
    if case.verdict == Verdict.NOT_COMPARABLE:
        why = "; ".join(dict.fromkeys(check.reason for check in checks if check.reason))
        return f"{name} and {reference}: no value could be compared{f' ({why})' if why else ''}"
    right = case.tensors(Verdict.MATCH)
    line = "; ".join([f"{name} = {reference}: {covered(right)}", *not_compared(case)])
    return line if "output" in right else f"{line}; output was not compared, so this is no pass"


def not_compared(case: CaseRecord) -> list[str]:
    """Return which tensors of a match were not compared, and why; and which were in float64 alone."""
    right = case.tensors(Verdict.MATCH)
    left = [check for check in case.checks or () if check.verdict == Verdict.NOT_COMPARABLE]
    whole, partly = ([check for check in left if (check.tensor in right) == known] for known in (False, True))
    by_reason: dict[str | None, list[str]] = {}
    for check in whole:
        by_reason.setdefault(check.reason, []).append(check.tensor)
    told = [f"{covered(names)}{f' ({why})' if why else ''}" for why, names in by_reason.items()]
    said = [f"not compared: {', '.join(told)}"] if whole else []
    said += [f"in {partly[0].dtype} not compared: {covered([check.tensor for check in partly])}"] if partly else []
    return said


def _mismatch(name: str, case: CaseRecord) -> str:
    wrong, judged = case.tensors(Verdict.MISMATCH), len({check.tensor for check in case.checks or ()})
    if not wrong:
        return f"{name} and {call(case)}: {next(shape_disagreements(case), 'the shapes are not as expected')}"
    found = [check for check in case.checks or () if check.verdict == Verdict.MISMATCH]
    if all(check.cause in FURTHER_CALLS for check in found):
        told = f"; {found[0].reason}" if found[0].reason else ", wrong in a further one"
        return f"{name} is not {call(case)}: right in the first call{told} ({covered(wrong)})"
    if len(wrong) == judged > 1:
        return f"{name} is not {call(case)}: all {judged} tensors differ"
    if len(found) == 1 and found[0].cause in BESIDE_VALUES and found[0].reason:
        return f"{name} is not {call(case)}: {found[0].reason}"
    differ = "differs" if len(wrong) == 1 else "differ"
    return f"{name} is not {call(case)}: {covered(wrong)} {differ}, of {counted(judged, 'tensor')}"


def covered(tensors: Sequence[str]) -> str:
    """Return tensors in few words: output, h_n and 6 gradients."""
    names = list(dict.fromkeys(tensors))
    gradients = [name for name in names if name.startswith("grad ")]
    counted_together = [f"{len(gradients)} gradients"] if len(gradients) > 1 else gradients
    return joined([*(name for name in names if name not in gradients), *counted_together])


def explained(case: CaseRecord) -> list[tuple[str, list[Diagnosis]]]:
    """Return the diagnosis of a case by its evidence: faults together share theirs."""
    return [(evidence, list(group)) for evidence, group in groupby(case.diagnosis or (), lambda found: found.evidence)]


def seen_of(faults: Sequence[FaultResult]) -> str:
    """Return in a line how many faults a case would catch."""
    counts = Counter(fault.status for fault in faults)
    possible, unseen = counts["caught"] + counts["not-visible"], counts["not-visible"]
    line = f"{counts['caught']} of {counted(possible, 'fault')} that can happen here would be caught"
    return f"{line}; {unseen} would not be seen" if unseen else line


def shown_faults(faults: Sequence[FaultResult]) -> list[FaultResult]:
    """Return the faults that the case does not see first, then those it catches, without those that cannot happen."""
    order = ("not-visible", "equivalent", "caught")
    return sorted((fault for fault in faults if fault.status in order), key=lambda fault: order.index(fault.status))
