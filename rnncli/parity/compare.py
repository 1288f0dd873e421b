"""Values from both sides into checks with a verdict. Returns records; never raises, never prints.

Two stages. `algorithm`: both sides in float64, the candidate against the reference: is it the same function?
`precision`: both sides in the working dtype, each against the float64 oracle: is it as accurate as that dtype allows?
"""

from dataclasses import dataclass, replace
from math import isfinite
from typing import NamedTuple

import torch
from torch import Tensor

from rnncli.case import Case
from rnncli.parity.evaluate import Values
from rnncli.parity.locate import locate
from rnncli.parity.rounding import Rounding, arithmetic
from rnncli.records import Check, Stage, Verdict


class Bound(NamedTuple):
    """The largest error that matches, over the largest magnitude of the tensor it is in."""

    forward: float  # output and h_n
    gradient: float


# docs/tolerances.md holds what correct implementations were measured at, and the margin each bound leaves. An error
# within twice nn.RNN's own is rounding whatever the table says. An error over the bound is no verdict where rounding
# alone moves nn.RNN as far, and in bfloat16, float16 and TF32 where it is in a gradient (a relu unit that flips changes
# it by its own size) or in single values: it is reported as not comparable, and the float64 stage decides.
SCALE_TOLERANCE = {
    "float64": Bound(1e-10, 1e-10),
    "float32": Bound(1e-5, 1e-4),
    "bfloat16": Bound(0.1, 0.25),
    "float16": Bound(1e-2, 0.05),
    "tf32": Bound(1e-2, 0.05),  # float32 whose products are rounded to float16's ten bits
}
LOW_PRECISION = ("bfloat16", "float16", "tf32")
HONEST_FACTOR = 2.0  # times nn.RNN's own error
AMPLIFIED_FACTOR = 20.0  # times how far nudges in the last digit move nn.RNN


@dataclass(frozen=True)
class ElementwiseTolerance:
    """The user's own tolerance for the precision stage: |error| <= atol + rtol * |expected|, element by element."""

    atol: float
    rtol: float


def compare(
    case: Case,
    stage: Stage,
    reference: Values,
    candidate: Values,
    expected: Values,
    rounding: Rounding,
    tolerance: ElementwiseTolerance | None = None,
) -> tuple[Check, ...]:
    """One check per tensor: output, h_n and `grad <leaf>`.

    `expected` is what the errors are measured against: the reference itself at the algorithm stage, the oracle at the
    precision stage. Without a `tolerance` the bound is SCALE_TOLERANCE of the reference's arithmetic.
    """
    checks = []
    for name, reference_values in reference.tensors.items():
        expected_values = expected.tensors[name]
        if reference_values is None or expected_values is None:
            continue
        kind = arithmetic(case, reference_values.dtype, reference_values.device)
        check = Check(
            tensor=name,
            stage=stage,
            dtype=str(reference_values.dtype).removeprefix("torch."),
            verdict=Verdict.MISMATCH,
            policy="fixed" if tolerance else "scale",
            allowed=None if tolerance else _bound(name, kind),
        )
        actual = candidate.tensors.get(name)
        finding = candidate.findings.get(name) or _wrong_form(actual, reference_values)
        if finding or actual is None:
            verdict, reason = finding or (Verdict.MISMATCH, "missing")
            checks.append(replace(check, verdict=verdict, reason=reason))
        elif case.input.layout == "batched" and case.input.batch_size == 0:
            reason = "batch_size 0: only shapes can be compared, and they are right"
            checks.append(replace(check, verdict=Verdict.NOT_COMPARABLE, reason=reason))
        else:
            values = (actual.double(), reference_values.double(), expected_values.to(actual.device).double())
            checks.append(_judge(case, check, *values, kind, rounding, tolerance))
    return tuple(checks)


def _judge(
    case: Case,
    check: Check,
    actual: Tensor,
    reference: Tensor,
    expected: Tensor,
    kind: str,
    rounding: Rounding,
    tolerance: ElementwiseTolerance | None,
) -> Check:
    """The check with its verdict, from values in float64 of one shape."""
    comparable = reference.isfinite() & expected.isfinite()
    broken = comparable & ~actual.isfinite()
    if broken.any():
        return _not_finite(case, check, broken, reference)
    if case.run.train and _masks_differ(case, actual.device):
        reason = "dropout masks on this device are drawn from a state of its own, so values cannot be compared"
        return replace(check, verdict=Verdict.NOT_COMPARABLE, reason=reason)

    error = (actual - expected).abs().where(comparable, 0.0)
    excess = error - (tolerance.atol + tolerance.rtol * expected.abs()) if tolerance else error
    excess = excess.where(comparable, -torch.inf)
    scale = expected.abs().where(comparable, 0.0).max().item()
    largest = error.max().item()
    own_error = (reference - expected).abs().where(comparable, 0.0).max().item() if check.stage == "precision" else None
    check = replace(
        check,
        max_abs_error=largest,
        reference_max_abs_error=own_error,
        min_tolerance=0.0 if largest == 0 else largest / scale if scale else None,
        worst=locate(case, check.tensor, _first(excess == excess.max())) if largest else None,
    )
    if tolerance:
        if excess.max() > 0:
            return check
    elif largest > _bound(check.tensor, kind) * scale and largest > HONEST_FACTOR * (own_error or 0.0):
        typical = error[comparable].median().item()
        excuse = _rounding_alone(check, kind, largest, typical, scale, rounding)
        if excuse:
            return replace(check, verdict=Verdict.NOT_COMPARABLE, reason=excuse)
        if not isfinite(largest):
            return replace(check, reason="the error is larger than float64 holds")
        return replace(check, reason=None if scale else "nn.RNN's values are all zero, and these are not")
    if not comparable.all():
        missing = int((~comparable).sum())
        others = "; the others agree" if comparable.any() else ""
        reason = f"nn.RNN itself is not finite in {missing} of {comparable.numel()} values{others}"
        return replace(check, verdict=Verdict.NOT_COMPARABLE, reason=reason)
    return replace(check, verdict=Verdict.MATCH)


def _rounding_alone(
    check: Check, kind: str, largest: float, typical: float, scale: float, rounding: Rounding
) -> str | None:
    """Why an error over the bound may still be rounding, or None: then it is a mismatch."""
    spread = rounding.spread(check.tensor)
    if not isfinite(spread):
        return f"nn.RNN overflows {check.dtype} here, or nearly: how far rounding moves the other values is not known"
    if largest <= AMPLIFIED_FACTOR * spread:
        return f"this case amplifies rounding: nn.RNN moves as far when its weights change in the last digit of {kind}"
    if kind in LOW_PRECISION and check.tensor.startswith("grad "):
        return f"rounding in {kind} alone can flip a relu unit and change a gradient this much; float64 decides"
    if kind in LOW_PRECISION and typical <= _bound(check.tensor, kind) * scale:
        return f"rounding in {kind} alone can change single values this much; float64 decides"
    return None


def _not_finite(case: Case, check: Check, broken: Tensor, reference: Tensor) -> Check:
    """A mismatch, unless nn.RNN's values come so near the end of the dtype that the order of a sum decides."""
    reason = f"{int(broken.sum())} of {broken.numel()} values are not finite where nn.RNN's are"
    check = replace(check, reason=reason, worst=locate(case, check.tensor, _first(broken)))
    finite = reference.isfinite()
    largest = reference.where(finite, 0.0).abs().max().item()
    if finite.all() and largest < torch.finfo(getattr(torch, check.dtype)).max / 16:
        return check
    return replace(
        check, verdict=Verdict.NOT_COMPARABLE, reason=f"{reason}, and nn.RNN's reach the end of {check.dtype}"
    )


def _bound(tensor: str, kind: str) -> float:
    bound = SCALE_TOLERANCE[kind]
    return bound.gradient if tensor.startswith("grad ") else bound.forward


def _masks_differ(case: Case, device: torch.device) -> bool:
    """Whether dropout draws masks that reseeding does not bring to agreement. On the CPU it does."""
    return device.type != "cpu" and case.rnn.num_layers > 1 and 0 < case.rnn.dropout < 1


def _wrong_form(actual: Tensor | None, reference: Tensor) -> tuple[Verdict, str] | None:
    """What is wrong with a tensor before its values are looked at."""
    if actual is None:
        return Verdict.MISMATCH, "no gradient reaches it"
    if actual.shape != reference.shape:
        return Verdict.MISMATCH, f"shape {tuple(actual.shape)}, expected {tuple(reference.shape)}"
    for attribute in ("dtype", "device", "layout"):
        seen, expected = (str(getattr(tensor, attribute)).removeprefix("torch.") for tensor in (actual, reference))
        if seen != expected:
            return Verdict.MISMATCH, f"{attribute} {seen}, expected {expected}"
    return None


def _first(mask: Tensor) -> tuple[int, ...]:
    """The index of the first True. (torch.unravel_index would import sympy: a third of a second.)"""
    flat = int(mask.flatten().int().argmax())
    index = []
    for size in reversed(mask.shape):
        flat, at = divmod(flat, size)
        index.append(at)
    return tuple(reversed(index))
