"""Values from both sides into checks with a verdict. Returns records; never raises, never prints.

Two stages. `algorithm`: both sides in float64, the candidate against the reference: is it the same function?
`precision`: both sides in the working dtype, each against the float64 oracle: is it as accurate as that dtype allows?
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from rnncli.case import Case
from rnncli.parity.locate import locate
from rnncli.records import Check, Stage, Verdict

Values = Mapping[str, Tensor | None]


class Bound(NamedTuple):
    """The largest error that matches, over the largest magnitude of the tensor it is in."""

    forward: float  # output and h_n
    gradient: float


# docs/tolerances.md holds what correct implementations were measured at, and the margin each bound leaves. An error
# within twice nn.RNN's own is rounding whatever the table says. In bfloat16, float16 and TF32 rounding can change a
# tensor by as much as its own size (a relu unit that flips), so there an error over the bound is no verdict: it is
# reported as not comparable, and the float64 stage decides.
SCALE_TOLERANCE = {
    "float64": Bound(1e-10, 1e-10),
    "float32": Bound(1e-5, 1e-3),
    "bfloat16": Bound(0.1, 0.25),
    "float16": Bound(1e-2, 0.05),
    "tf32": Bound(1e-2, 0.05),  # float32 whose products are rounded to float16's ten bits
}
LOW_PRECISION = ("bfloat16", "float16", "tf32")
HONEST_FACTOR = 2.0  # times nn.RNN's own error


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
    tolerance: ElementwiseTolerance | None = None,
) -> tuple[Check, ...]:
    """One check per tensor: output, h_n and `grad <leaf>`.

    `expected` is what the errors are measured against: the reference itself at the algorithm stage, the oracle at the
    precision stage. Without a `tolerance` the bound is SCALE_TOLERANCE of the reference's arithmetic.
    """
    checks = []
    for name, reference_values in reference.items():
        expected_values = expected[name]
        if reference_values is None or expected_values is None:
            continue
        dtype = str(reference_values.dtype).removeprefix("torch.")
        check = Check(
            tensor=name,
            stage=stage,
            dtype=dtype,
            verdict=Verdict.MISMATCH,
            policy="fixed" if tolerance else "scale",
            allowed=None if tolerance else _bound(name, _arithmetic(case, reference_values)),
        )
        actual = candidate.get(name)
        wrong_form = _wrong_form(actual, reference_values)
        if actual is None or wrong_form:
            checks.append(replace(check, reason=wrong_form))
        elif reference_values.numel() == 0:
            reason = "no elements: only the shape can be compared, and it is right"
            checks.append(replace(check, verdict=Verdict.NOT_COMPARABLE, reason=reason))
        else:
            values = (actual.double(), reference_values.double(), expected_values.to(actual.device).double())
            checks.append(_judge(case, check, *values, _arithmetic(case, reference_values), tolerance))
    return tuple(checks)


def _judge(
    case: Case,
    check: Check,
    actual: Tensor,
    reference: Tensor,
    expected: Tensor,
    arithmetic: str,
    tolerance: ElementwiseTolerance | None,
) -> Check:
    """The check with its verdict, from values in float64 of one shape."""
    comparable = reference.isfinite() & expected.isfinite()
    broken = comparable & ~actual.isfinite()
    if broken.any():
        reason = f"{int(broken.sum())} of {broken.numel()} values are not finite where nn.RNN's are"
        return replace(check, reason=reason, worst=locate(case, check.tensor, _first(broken)))
    if case.run.train and _masks_differ(case, actual.device):
        reason = "dropout masks on this device are drawn from a state of its own, so values cannot be compared"
        return replace(check, verdict=Verdict.NOT_COMPARABLE, reason=reason)

    error = (actual - expected).abs().where(comparable, 0.0)
    scale = expected.abs().where(comparable, 0.0).max().item()
    largest = error.max().item()
    check = replace(
        check,
        max_abs_error=largest,
        min_tolerance=0.0 if largest == 0 else largest / scale if scale else None,
        worst=locate(case, check.tensor, _first(error == largest)) if largest else None,
    )
    within_own = False
    if check.stage == "precision":
        own_error = (reference - expected).abs().where(comparable, 0.0).max().item()
        check = replace(check, reference_max_abs_error=own_error)
        within_own = largest <= HONEST_FACTOR * own_error
    if tolerance:
        within = bool((error <= tolerance.atol + tolerance.rtol * expected.abs())[comparable].all())
    else:
        within = largest <= _bound(check.tensor, arithmetic) * scale or within_own
    if not within and not tolerance and arithmetic in LOW_PRECISION:
        reason = f"rounding in {arithmetic} alone can change a tensor this much; float64 decides"
        return replace(check, verdict=Verdict.NOT_COMPARABLE, reason=reason)
    if not within:
        return replace(check, reason=None if scale else "nn.RNN's values are all zero, and these are not")
    if not comparable.all():
        missing = int((~comparable).sum())
        reason = f"nn.RNN itself is not finite in {missing} of {comparable.numel()} values; the others agree"
        return replace(check, verdict=Verdict.NOT_COMPARABLE, reason=reason)
    return replace(check, verdict=Verdict.MATCH)


def _arithmetic(case: Case, reference: Tensor) -> str:
    """What the reference was computed in: its dtype, or TF32."""
    dtype = str(reference.dtype).removeprefix("torch.")
    return "tf32" if dtype == "float32" and reference.device.type == "cuda" and case.run.tf32 else dtype


def _bound(tensor: str, arithmetic: str) -> float:
    bound = SCALE_TOLERANCE[arithmetic]
    return bound.gradient if tensor.startswith("grad ") else bound.forward


def _masks_differ(case: Case, device: torch.device) -> bool:
    """Whether dropout draws masks that reseeding does not bring to agreement. On the CPU it does."""
    return device.type != "cpu" and case.rnn.num_layers > 1 and 0 < case.rnn.dropout < 1


def _wrong_form(actual: Tensor | None, reference: Tensor) -> str | None:
    """What is wrong with a tensor before its values are looked at."""
    if actual is None:
        return "no gradient reaches it"
    if actual.shape != reference.shape:
        return f"shape {tuple(actual.shape)}, expected {tuple(reference.shape)}"
    for attribute in ("dtype", "device"):
        seen, expected = getattr(actual, attribute), getattr(reference, attribute)
        if seen != expected:
            return f"{attribute} {str(seen).removeprefix('torch.')}, expected {str(expected).removeprefix('torch.')}"
    return None


def _first(mask: Tensor) -> tuple[int, ...]:
    """The index of the first True. (torch.unravel_index would import sympy: a third of a second.)"""
    flat = int(mask.flatten().int().argmax())
    index = []
    for size in reversed(mask.shape):
        flat, at = divmod(flat, size)
        index.append(at)
    return tuple(reversed(index))
