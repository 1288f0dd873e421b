"""What stands in a report of one case, in words and figures: the same in a terminal as on a page."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

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
    combine,
    printable,
)

MOST_NAMES = 8
MOST_PARAMETERS = 4  # of one layer in one direction
FEWEST_TOGETHER = 3
NUMBERS = {2: "two", 4: "four"}
MOST_NOISE = 1e4  # envelopes; an honest error is below 3, one of another equation about 1e14 in float64


# -- figures ---------------------------------------------------------------------------------------------------------


def number(value: float | None, unknown: str = "-") -> str:
    """Return an error in short: 1.2e-07."""
    return unknown if value is None else "0" if value == 0 else f"{value:.1e}"


def tolerance(value: float | None) -> str:
    """A tolerance that something passes at; "none" where no tolerance lets it through."""
    return "none" if value is not None and math.isinf(value) else number(value)


def ratio(value: float | None) -> str:
    """A ratio, short: 0.23, 14, 3.1e+05."""
    return "-" if value is None else f"{value:.2g}" if value < 1e4 else ">10,000"


def ratio_to(value: float | None, unknown: str = "-") -> str:
    """Return a ratio to nn.RNN's time: 0.87."""
    return unknown if value is None else f"{value:.2f}"


def spread(timing: Timing) -> tuple[float, float]:
    """Return the ends of the range that half of the ratios to nn.RNN's time lie in; the ratio where it is not known."""
    ratio = timing.ratio_to_reference or 0.0
    return timing.ratio_low or ratio, timing.ratio_high or ratio


def powers(exponents: Mapping[str, float]) -> list[str]:
    """Return the factors of a time that grows with sizes: seq_len^0.93."""
    return [f"{size}^{exponent:.2f}" for size, exponent in exponents.items()]


def size(sizes: tuple[int, ...] | None) -> str:
    """A shape as Python writes it."""
    if sizes is None:
        return "-"
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(map(str, sizes))})"


def duration(seconds: float) -> str:
    """A time in the unit that makes it a number of few digits."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1 or unit == "us":
            return f"{seconds * factor:.3g} {unit}" if seconds * factor < 1000 else f"{seconds * factor:.0f} {unit}"
    raise AssertionError(seconds)


def memory(count: int | None) -> str:
    """Bytes in the unit that makes them a number of few digits."""
    if count is None:
        return ""
    for unit, unit_size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= unit_size:
            return f"{count / unit_size:.2g} {unit}" if count < 100 * unit_size else f"{count / unit_size:.0f} {unit}"
    return f"{count} B"


def place(at: Location | None, tensor: str) -> str:
    """A location in short; what the tensor's own name says already is left out."""
    if at is None:
        return "-"
    if at.column is not None:
        return f"[{at.unit},{at.column}]"
    if tensor.startswith("grad bias"):
        return f"[{at.unit}]"
    layer = None if tensor in ("output", "grad input") else at.layer
    parts = [("l", layer), ("t", at.time), ("n", at.batch), ("u", at.unit)]
    direction = ["rev"] if at.direction == "reverse" else []
    return " ".join([*direction, *(f"{axis}={index}" for axis, index in parts if index is not None)])


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 step, 5 steps."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def joined(parts: Sequence[str]) -> str:
    """Return a list in words: a, b and c."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


# -- a case ----------------------------------------------------------------------------------------------------------


def candidate(case: CaseRecord, short: bool = False) -> str:
    """What the candidate is called: in short, of a user's own, that it is the candidate."""
    return "candidate" if short and ":" in case.candidate else printable(case.candidate)


def implementation(name: str, case: CaseRecord) -> str:
    """Return the name of an implementation; of a user's own, that it is the candidate."""
    return printable(name.replace(case.candidate, "candidate")) if ":" in case.candidate else name


def circumstances(command: str, case: CaseRecord) -> str:
    """What beside nn.RNN's arguments a case was run with: float32 on cpu, packed input, h_0 random, seed 0."""
    given, run = case.config["input"], case.config["run"]
    where = f"{run['dtype']} on {case.device}" if case.device else f"{run['dtype']}"
    details = [where, given["layout"], f"h_0 {given['h_0']}"]
    if command != "shapes":
        details += [*(["train mode"] if run["train"] else []), f"seed {run['seed']}"]
        details += [f"weights x{run['weight_scale']:g}"] if run["weight_scale"] != 1 else []
    details += [case.backend] if case.backend else []
    return ", ".join(details)


def axes(config: dict[str, Any]) -> str:
    """Return the letters of the axes with their sizes; of packed input, with what is shown of it."""
    line = letters(config)
    return f"{line}; of a packed tensor, .data is shown" if config["input"]["layout"] == "packed" else line


def letters(config: dict[str, Any]) -> str:
    """Return the letters of the axes with their sizes: L=5 steps, N=10 sequences, D=1 direction, H_in=20, H_out=40."""
    rnn, given = config["rnn"], config["input"]
    batch = [] if given["layout"] == "unbatched" else [f"N={counted(given['batch_size'], 'sequence')}"]
    directions = counted(2 if rnn["bidirectional"] else 1, "direction")
    sizes = [f"D={directions}", f"H_in={rnn['input_size']}", f"H_out={rnn['hidden_size']}"]
    return ", ".join([f"L={counted(given['seq_len'], 'step')}", *batch, *sizes])


def parameters(found: Sequence[Parameter]) -> Iterator[str]:
    """Yield the first parameters with their shapes, what the others are, and how many elements there are."""
    total = sum(parameter.count for parameter in found)
    shown, more = first_parameters(found, MOST_PARAMETERS)
    yield from (f"{parameter.name} {size(parameter.shape)}," for parameter in shown[:-1])
    last = f"{shown[-1].name} {size(shown[-1].shape)}"
    reverse = [parameter for parameter in found if parameter.name.endswith("_reverse")]
    if not more:
        yield f"{last}:"
    elif len(reverse) == more:
        yield f"{last},"
        yield f"and the same {NUMBERS[more]} _reverse:"
    else:
        yield f"{last},"
        yield f"... {more} more (-v):"
    yield f"{total:,} elements"


def every_parameter(found: Sequence[Parameter]) -> str:
    """Return the number of parameters and of their elements, and each name with its shape."""
    total = sum(parameter.count for parameter in found)
    named = ", ".join(f"{parameter.name} {size(parameter.shape)}" for parameter in found)
    return f"{len(found)} parameters, {total:,} elements: {named}"


def first_parameters(found: Sequence[Parameter], most: int) -> tuple[Sequence[Parameter], int]:
    """Return the first parameters, all of them where a shape is wrong, and how many more there are."""
    if not all(parameter.agrees for parameter in found):
        most = len(found)
    return found[:most], max(0, len(found) - most)


def of_upper_layers(found: Sequence[Parameter]) -> str:
    """The shape of weight_ih in the layers above the first; empty where there are none."""
    upper = next((parameter for parameter in found if parameter.name == "weight_ih_l1"), None)
    return f"{upper.name} {size(upper.shape)}" if upper else ""


def recipes(found: Sequence[Recipe], width: int) -> Iterator[str]:
    """Yield lines of Python: each with its shape and what it is in a comment, behind the code where it fits."""
    column = max((len(recipe.code) for recipe in found if len(recipe.code) <= width // 2), default=0)
    for recipe in found:
        note = f"# {size(recipe.shape)} {recipe.note}" if recipe.shape is not None else f"# {recipe.note}"
        for line in (f"{recipe.code:<{column}}  {note}", f"{recipe.code}  {note}"):
            if len(line) <= width:
                yield line
                break
        else:
            yield from (note, recipe.code)


def sizes_of(shapes: Sequence[TensorShape], candidate: str) -> dict[str, list[tuple[int, ...] | None]]:
    """By whose they are, the sizes of each tensor: without those that nobody gave."""
    columns: dict[str, list[tuple[int, ...] | None]] = {"predicted": [shape.predicted for shape in shapes]}
    columns["nn.RNN"] = [shape.reference for shape in shapes]
    columns[candidate] = [shape.candidate for shape in shapes]
    columns["expected"] = [shape.expected for shape in shapes]
    return {name: sizes for name, sizes in columns.items() if any(sizes)}


def shape_disagreements(case: CaseRecord) -> Iterator[str]:
    """A line for each tensor or parameter whose sizes do not agree."""
    for tensor in case.shapes or ():
        if not tensor.agrees:
            named = {"nn.RNN": tensor.reference, candidate(case, short=True): tensor.candidate}
            yield _disagreement(tensor, tensor.predicted, named)
    for parameter in case.parameters or ():
        if not parameter.agrees:
            yield _disagreement(parameter, parameter.shape, {"nn.RNN": parameter.reference})


def _disagreement(
    of: TensorShape | Parameter, predicted: tuple[int, ...], seen: dict[str, tuple[int, ...] | None]
) -> str:
    others = {whose: sizes for whose, sizes in seen.items() if sizes not in (None, predicted)}
    if not others:
        hint = f": {of.given_by} gives it" if of.given_by else "; no single argument gives it"
        return f"{of.name} is {size(predicted)}, expected {size(of.expected)}{hint}"
    told = "".join(f", {whose} has {size(sizes)}" for whose, sizes in others.items())
    return f"{of.name} is {size(predicted)} by rule{told}"


@dataclass(frozen=True, slots=True)
class OfTensor:
    """What both stages found of one tensor."""

    tensor: str
    algorithm: Check | None
    precision: Check | None

    @property
    def verdict(self) -> Verdict | None:
        """Of both together."""
        return combine(check.verdict for check in (self.algorithm, self.precision) if check)

    @property
    def decisive(self) -> Check:
        """The stage whose figures stand for both: that of a mismatch, else the last."""
        judged = [check for check in (self.algorithm, self.precision) if check]
        return next((check for check in judged if check.verdict == Verdict.MISMATCH), judged[-1])

    @property
    def errors(self) -> tuple[float | None, float | None, float | None]:
        """Return the error in float64, in the working dtype where that is another, and nn.RNN's own there."""
        algorithm, precision = self.algorithm, self.precision
        return (
            algorithm.max_abs_error if algorithm else None,
            precision.max_abs_error if precision and precision.dtype != "float64" else None,
            precision.reference_max_abs_error if precision else None,
        )

    @property
    def noise(self) -> bool:
        """Return whether the error in envelopes says something; beyond MOST_NOISE it is not rounding."""
        ratio = self.decisive.noise_ratio
        return ratio is not None and ratio < MOST_NOISE

    @property
    def bounded(self) -> bool:
        """Return whether there is a tolerance the tensor would pass at."""
        return not math.isinf(self.decisive.passes_at)


def passes_at(check: Check) -> str:
    """The tolerance a check would pass at."""
    return tolerance(check.min_tolerance if check.verdict == Verdict.NOT_COMPARABLE else check.passes_at)


def by_tensor(checks: Sequence[Check]) -> list[OfTensor]:
    """The checks, those of the same tensor together."""
    found: dict[str, dict[str, Check]] = {}
    for check in checks:
        found.setdefault(check.tensor, {})[check.stage] = check
    return [OfTensor(name, stages.get("algorithm"), stages.get("precision")) for name, stages in found.items()]


def working_dtype(checks: Sequence[Check]) -> str | None:
    """The dtype of the precision stage; None where the two stages are one, in float64."""
    dtype = next((check.dtype for check in checks if check.stage == "precision"), "float64")
    return None if dtype == "float64" else dtype


def reasons(checks: Sequence[Check]) -> list[tuple[Verdict, str]]:
    """What does not match, or not without a word, and why: a line for each check, or for all that share a reason."""
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
    if check.reason:
        return "; ".join([check.reason, *shown])
    if check.noise_ratio is not None:
        return "; ".join([f"{ratio(check.noise_ratio)} times what rounding can do here", *shown])
    return "; ".join([f"error {number(check.max_abs_error)}", *shown])


def conclusion(case: CaseRecord, reference: str = "nn.RNN") -> str:
    """Return in a line what a verdict covers. `reference` is nn.RNN with its arguments."""
    if case.faults is not None:
        return seen_of(case.faults)
    if case.verdict is None:
        return f"{reference}: predicted by rule alone; nothing was run"
    if case.checks is None:
        agree = case.verdict == Verdict.MATCH
        return f"{reference}: every shape is as predicted" if agree else f"{reference} has other shapes"
    return _compared(case, case.checks, reference)


def _compared(case: CaseRecord, checks: Sequence[Check], reference: str) -> str:
    tensors = {check.tensor for check in checks}
    wrong = {check.tensor for check in checks if check.verdict == Verdict.MISMATCH}
    if case.verdict == Verdict.MISMATCH:
        all_of_them = wrong == tensors and len(tensors) > 1
        differ = f"all {len(tensors)} tensors differ" if all_of_them else _differing(checks, len(tensors))
        if not wrong:
            return f"{candidate(case)} and {reference}: the shapes are not as expected"
        return f"{candidate(case)} is not {reference}: {differ}"
    if case.verdict == Verdict.NOT_COMPARABLE:
        why = "; ".join(dict.fromkeys(check.reason for check in checks if check.reason))
        return f"{candidate(case)} and {reference}: no value could be compared{f' ({why})' if why else ''}"
    right = list(dict.fromkeys(check.tensor for check in checks if check.verdict == Verdict.MATCH))
    left = {check.reason: check.tensor for check in checks if check.verdict == Verdict.NOT_COMPARABLE}
    left = {reason: tensor for reason, tensor in left.items() if tensor not in right}
    line = f"{candidate(case)} = {reference}: {covered(right)}"
    if left:
        named = covered([check.tensor for check in checks if check.tensor not in right and check.reason in left])
        line += f"; not compared: {named} ({'; '.join(filter(None, left))})"
    return line if "output" in right else f"{line}; output was not compared, so this is no pass"


def _differing(checks: Sequence[Check], tensors: int) -> str:
    wrong = covered([check.tensor for check in checks if check.verdict == Verdict.MISMATCH])
    return f"{wrong} differ{'' if ' and ' in wrong or 'gradients' in wrong else 's'}, of {counted(tensors, 'tensor')}"


@dataclass(frozen=True, slots=True)
class ParityRow:
    """A line of the table of parity: a tensor, or gradients `together` with the largest error of them."""

    name: str
    verdict: Verdict | None
    error: float | None
    reference_error: float | None
    together: bool = False


def parity_rows(checks: Sequence[Check]) -> list[ParityRow]:
    """Return a line for each tensor; the gradients after the first one that came to the same stand together."""
    alone: list[OfTensor] = []
    others: dict[Verdict | None, list[OfTensor]] = {}
    for of in by_tensor(checks):
        first = not of.tensor.startswith("grad ") or of.tensor == "grad input"
        (alone if first else others.setdefault(of.verdict, [])).append(of)
    rows = [_row(of) for of in alone]
    for verdict, found in others.items():
        if len(found) < FEWEST_TOGETHER:
            rows += map(_row, found)
            continue
        errors = [of.decisive.max_abs_error for of in found if of.decisive.max_abs_error is not None]
        own = [of.decisive.reference_max_abs_error for of in found if of.decisive.reference_max_abs_error is not None]
        what = "more gradients" if alone and alone[-1].tensor == "grad input" else "gradients"
        largest = max(errors, default=None), max(own, default=None)
        rows.append(ParityRow(f"{len(found)} {what}", verdict, *largest, together=bool(errors)))
    return rows


def _row(of: OfTensor) -> ParityRow:
    return ParityRow(of.tensor, of.verdict, of.decisive.max_abs_error, of.decisive.reference_max_abs_error)


def covered(tensors: Sequence[str]) -> str:
    """Tensors in few words: output, h_n and 6 gradients."""
    tensors = list(dict.fromkeys(tensors))
    gradients = [name for name in tensors if name.startswith("grad ")]
    parts = [name for name in tensors if not name.startswith("grad ")]
    if gradients:
        parts.append(gradients[0] if len(gradients) == 1 else f"{len(gradients)} gradients")
    return joined(parts)


def explained(case: CaseRecord) -> list[tuple[str, list[Diagnosis]]]:
    """The diagnosis of a case by its evidence: faults together share theirs."""
    return [(evidence, list(group)) for evidence, group in groupby(case.diagnosis or (), lambda found: found.evidence)]


def seen_of(faults: Sequence[FaultResult]) -> str:
    """How many faults a case would catch."""
    counts = Counter(fault.status for fault in faults)
    possible, unseen = counts["caught"] + counts["not-visible"], counts["not-visible"]
    line = f"{counts['caught']} of {possible} faults that can happen here would be caught"
    return f"{line}; {unseen} would not be seen" if unseen else line


def shown_faults(faults: Sequence[FaultResult]) -> list[FaultResult]:
    """What the case does not see first, then what it catches; without what cannot happen in it."""
    order = ("not-visible", "equivalent", "caught")
    return sorted((fault for fault in faults if fault.status in order), key=lambda fault: order.index(fault.status))
