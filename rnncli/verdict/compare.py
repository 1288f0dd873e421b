"""Values from both sides into checks with a verdict. Returns records; never raises, never prints.

Two stages. `algorithm`: both sides in float64, the candidate against the reference: is it the same function?
`precision`: both sides in the working dtype, each against the float64 oracle: is it as accurate as that dtype allows?
The tolerance is the noise envelope of the oracle. What an envelope cannot decide is left open, and `stage` goes on.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, isfinite
from typing import Any, Literal

import torch
from torch import Tensor

from rnncli.core.case import Case
from rnncli.core.causes import DOWNCAST, Cause
from rnncli.core.records import BySteps, Check, Location, Stage, Verdict
from rnncli.numerics.locate import by_group, first_in_order, locate, over_elements
from rnncli.numerics.oracle import Envelope
from rnncli.numerics.probe import results
from rnncli.numerics.rounding import ARITHMETIC, arithmetic
from rnncli.verdict.evaluate import Finding, Values

SMALL = 3e-2  # of the values at the first wrong step: more is another equation

PolicyName = Literal["envelope", "fixed", "exact"]

# Fixed on 1,000 honest cases that no audit uses: of 29,000 checks that an envelope decides, none was beyond 1.7 where
# nothing overflows.
ENVELOPES = 3.0
LOST_ENVELOPES = 1000.0  # of a group that rounding moves by more than its values: 12 were seen, and so wide is no proof
HONEST_FACTOR = 2.0  # times nn.RNN's own error: no more needs to be shown where the algorithm stage matches
UNEVEN = 8.0  # times as much, of its size, one group may err as the whole tensor: small values hide behind large ones
SAME_IN_FLOAT64 = 1e-13  # of the largest value of the group: no envelope in float64 is smaller than its rounding


def loosest(kind: str) -> float:
    """The largest envelope, as a share of the tensor's scale, that still decides anything."""
    return max(1e-3, 32 * ARITHMETIC[kind].unit)


@dataclass(frozen=True)
class Policy:
    """What decides at the precision stage; the algorithm stage always rests on the envelope.

    `fixed`: |error| <= atol + rtol * |oracle|, element by element; without numbers those of torch.testing.assert_close.
    `exact`: the reference's values, bit for bit.
    """

    name: PolicyName = "envelope"
    atol: float | None = None
    rtol: float | None = None

    def tolerances(self, dtype: torch.dtype) -> tuple[float, float]:
        """atol and rtol of the fixed policy."""
        if self.atol is not None and self.rtol is not None:
            return self.atol, self.rtol
        rtol, atol = {
            torch.float64: (1e-7, 1e-7),
            torch.float32: (1.3e-6, 1e-5),
            torch.bfloat16: (1.6e-2, 1e-5),
            torch.float16: (1e-3, 1e-5),
        }[dtype]
        return atol, rtol


ENVELOPE = Policy()


@dataclass(frozen=True)
class Comparison:
    """A check, and why its verdict is still open: rounding is amplified, nn.RNN overflows, or a relu is at its kink."""

    check: Check
    open: Cause | None = None  # AMPLIFIED, OVERFLOW or RELU_KINK


@dataclass(frozen=True)
class Sides:
    """The values of one stage: `expected` is what errors are measured against, `envelope` what they may be."""

    case: Case
    stage: Stage
    reference: Values
    candidate: Values
    expected: Mapping[str, Tensor | None]
    envelope: Callable[[str], Envelope]
    policy: Policy = Policy()
    same_algorithm: bool = True

    @cached_property
    def overflows(self) -> bool:
        """Whether nn.RNN leaves the range of the dtype anywhere, or nearly: what rounding does is then not known."""
        for name, reference in self.reference.tensors.items():
            expected = self.expected.get(name)
            if reference is None or expected is None:
                continue
            limit = torch.finfo(reference.dtype).max / 16
            if not (_largest(reference) < limit and _largest(expected) < limit):
                return True
        return False


def compare(sides: Sides, only: Container[str] | None = None) -> tuple[Comparison, ...]:
    """One comparison per tensor, or per tensor of `only`: output, h_n and `grad <leaf>`."""
    found = []
    for name, reference in sides.reference.tensors.items():
        expected = sides.expected.get(name)
        if reference is not None and expected is not None and (only is None or name in only):
            found.append(_compare(sides, name, reference, expected))
    return tuple(found)


def _compare(sides: Sides, name: str, reference: Tensor, expected: Tensor) -> Comparison:
    case, stage = sides.case, sides.stage
    policy = sides.policy.name if stage == "precision" else "envelope"
    dtype = str(reference.dtype).removeprefix("torch.")
    check = Check(tensor=name, stage=stage, dtype=dtype, verdict=Verdict.MISMATCH, policy=policy)
    actual = sides.candidate.tensors.get(name)
    finding = sides.candidate.findings.get(name) or _wrong_form(actual, reference)
    if finding or actual is None:
        verdict, cause, reason = finding or Finding(Verdict.MISMATCH, Cause.MISSING, "missing")
        return Comparison(replace(check, verdict=verdict, cause=cause, reason=reason))
    if case.input.layout == "batched" and case.input.batch_size == 0:
        reason = "batch_size 0: only shapes can be compared, and they are right"
        return Comparison(replace(check, verdict=Verdict.NOT_COMPARABLE, cause=Cause.EMPTY_BATCH, reason=reason))
    if policy == "exact":
        return Comparison(_exact(case, check, actual, reference, expected))
    return _Elements(sides, check, actual, reference, expected).judged()


class _Elements:
    """One tensor's values on both sides, element by element, in float64 and of one shape."""

    def __init__(self, sides: Sides, check: Check, actual: Tensor, reference: Tensor, expected: Tensor) -> None:
        self._sides, self._check, self._case = sides, check, sides.case
        self._kind = arithmetic(sides.case, reference.dtype, reference.device)
        self._dtype = reference.dtype
        self._actual, self._reference = actual.double(), reference.double()
        self._expected = expected.to(actual.device).double()

    def judged(self) -> Comparison:
        """The check with its verdict, or why it is open."""
        error = (self._actual - self._expected).abs()
        largest, scale = error.max().item(), self._expected.abs().max().item()
        own_error = (self._reference - self._expected).abs() if self._check.stage == "precision" else None
        own = own_error.max().item() if own_error is not None else None
        if not (isfinite(largest) and isfinite(own or 0.0)):
            unknown = self._not_comparable(error, own_error)
            if unknown:
                return unknown
        rounding = self._check.policy != "fixed" and self._is_rounding(error, largest, scale, own)
        self._check = replace(
            self._over_time(error, own_error),
            verdict=Verdict.MATCH if rounding else Verdict.MISMATCH,
            max_abs_error=largest,
            reference_max_abs_error=own,
            min_tolerance=0.0 if largest == 0 else largest / scale if scale else None,
        )
        if rounding:
            return Comparison(self._check)
        if self._check.policy == "fixed":
            return Comparison(self._within_fixed(error))
        if self._sides.overflows:
            return self._open(Cause.OVERFLOW)
        return self._within_envelope(error, scale)

    def _not_comparable(self, error: Tensor, own_error: Tensor | None) -> Comparison | None:
        """What comes of values that are not finite; None where it is the error alone that float64 does not hold."""
        comparable = self._reference.isfinite() & self._expected.isfinite()
        broken = comparable & ~self._actual.isfinite()
        if not comparable.all() or (self._sides.overflows and broken.any()):
            return self._open(Cause.OVERFLOW)
        return Comparison(self._not_finite(broken, error, own_error)) if broken.any() else None

    def _is_rounding(self, error: Tensor, largest: float, scale: float, own: float | None) -> bool:
        """Whether the error needs no envelope."""
        if largest == 0:
            return True
        if self._dtype == torch.float64 and largest <= SAME_IN_FLOAT64 * scale:
            sizes = by_group(self._case, self._check.tensor, self._expected.abs())
            if (by_group(self._case, self._check.tensor, error) <= SAME_IN_FLOAT64 * sizes).all():
                return True
        if own is None:
            return False
        known = own <= loosest(self._kind) * scale
        if not (self._sides.same_algorithm and known and largest <= HONEST_FACTOR * own):
            return False
        errors, sizes = (by_group(self._case, self._check.tensor, value) for value in (error, self._expected.abs()))
        return bool((errors * scale <= UNEVEN * HONEST_FACTOR * own * sizes).all())

    def _within_envelope(self, error: Tensor, scale: float) -> Comparison:
        envelope = self._sides.envelope(self._kind)
        spread = envelope.spread[self._check.tensor].to(error.device)
        widest = spread.max().item()
        allowed = ENVELOPES * over_elements(self._case, self._check.tensor, spread)
        excess = error / allowed.clamp_min(torch.finfo(torch.float64).tiny)
        ratio = ENVELOPES * excess.max().item()
        check = replace(
            self._check,
            noise_ratio=ratio if isfinite(ratio) else None,
            allowed=ENVELOPES * widest / scale if scale and isfinite(widest) else None,
            allowed_by_step=allowed_by_step(spread) if self._check.tensor == "output" else None,
        )
        gradient = self._check.tensor.startswith("grad ")
        forward_decides = all(
            envelope.decides(name, expected, loosest(self._kind))
            for name in results(self._case)
            if (expected := self._sides.expected[name]) is not None
        )
        if gradient and envelope.kinks and forward_decides:
            return Comparison(check, Cause.RELU_KINK)
        if not (forward_decides and envelope.decides(self._check.tensor, self._expected, loosest(self._kind))):
            return Comparison(check, Cause.AMPLIFIED)
        if ratio <= ENVELOPES:
            return Comparison(replace(check, verdict=Verdict.MATCH))
        lost = self._lost(spread, envelope) & (excess <= LOST_ENVELOPES / ENVELOPES)
        outside = (excess > 1) & ~lost
        if not outside.any():
            share = f"in {lost.double().mean().item():.1%} of the values rounding alone is larger than the values"
            return Comparison(
                replace(check, verdict=Verdict.MATCH, noise_ratio=None, reason=f"{share}; the others agree")
            )
        places = self._places(excess.where(~lost, 0.0), outside)
        cause, reason = (
            str(Cause.VALUES),
            None if scale else f"{self._case.cell.layer}'s values are all zero, and these are not",
        )
        if not isfinite(self._check.max_abs_error or 0):
            reason = "the error is larger than float64 holds"
        elif check.stage == "algorithm" and check.min_tolerance is not None:
            reason = f"an error of {check.min_tolerance:.1e} of the largest value in float64"
            if check.tensor == "output":
                cause, reason = told_by_size(check, self._error_at(places["first_divergence"], error))
        return Comparison(replace(check, cause=cause, reason=reason, **places))

    def _lost(self, spread: Tensor, envelope: Envelope) -> Tensor:
        """Where rounding moves a group by more than all its values: after a recurrence that grew has shrunk again."""
        own = by_group(self._case, self._check.tensor, self._expected.abs())
        sizes = envelope.sizes.get(self._check.tensor, own).to(spread.device)  # the oracle's: nn.RNN's are lost as well
        groups = (spread > sizes + envelope.floor).double()
        lost = over_elements(self._case, self._check.tensor, groups) > 0
        return lost.expand_as(self._expected)

    def _error_at(self, first: Location, error: Tensor) -> float:
        """The error of output's first wrong group, as a share of the values there: before anything amplifies it."""
        errors, sizes = (by_group(self._case, "output", values) for values in (error, self._expected.abs()))
        direction = int(first.direction == "reverse")
        group = (first.time, direction) if errors.dim() == 2 else (first.time, first.batch, direction)
        return (errors[group] / sizes[group].clamp_min(torch.finfo(torch.float64).tiny)).item()

    def _within_fixed(self, error: Tensor) -> Check:
        atol, rtol = self._sides.policy.tolerances(self._dtype)
        excess = error - (atol + rtol * self._expected.abs())
        if excess.max() <= 0:
            return replace(self._check, verdict=Verdict.MATCH)
        return replace(self._check, cause=Cause.VALUES, **self._places(excess, excess > 0))

    def _not_finite(self, broken: Tensor, error: Tensor, own_error: Tensor | None) -> Check:
        reason = f"{int(broken.sum())} of {broken.numel()} values are not finite where {self._case.cell.layer}'s are"
        check = self._over_time(error, own_error)
        return replace(check, cause=Cause.NOT_FINITE, reason=reason, **self._places(broken.double(), broken))

    def _places(self, excess: Tensor, outside: Tensor) -> dict[str, Any]:
        """The worst place, and the first one in the order of the computation."""
        name = self._check.tensor
        return {
            "worst": locate(self._case, name, _first(excess == excess.max())),
            "first_divergence": first_in_order(self._case, name, outside) if outside.any() else None,
        }

    def _over_time(self, error: Tensor, own_error: Tensor | None) -> Check:
        return _with_course(self._case, self._check, error, own_error)

    def _open(self, why: Cause) -> Comparison:
        return Comparison(self._check, why)


def _exact(case: Case, check: Check, actual: Tensor, reference: Tensor, expected: Tensor) -> Check:
    """Equal to the reference, bit for bit; a NaN equals a NaN."""
    error = (actual.double() - expected.to(actual.device).double()).abs()
    own = (reference.double() - expected.to(reference.device).double()).abs()
    scale = expected.abs().max().item()
    different = (actual != reference) & ~(actual.isnan() & reference.isnan())
    largest = error.nan_to_num(inf).max().item()
    check = replace(
        _with_course(case, check, error, own),
        max_abs_error=largest,
        reference_max_abs_error=own.nan_to_num(inf).max().item(),
        min_tolerance=largest / scale if scale else None,
    )
    if not different.any():
        return replace(check, verdict=Verdict.MATCH)
    return replace(
        check,
        cause=Cause.VALUES,
        reason=f"{int(different.sum())} of {different.numel()} values are not {case.cell.layer}'s, bit for bit",
        worst=locate(case, check.tensor, _first(different)),
        first_divergence=first_in_order(case, check.tensor, different),
    )


def _with_course(case: Case, check: Check, error: Tensor, own_error: Tensor | None) -> Check:
    """A check, that of output with the errors over time."""
    if check.tensor != "output":
        return check
    own = by_step(by_group(case, "output", own_error)) if own_error is not None else None
    return replace(check, error_by_step=by_step(by_group(case, "output", error)), reference_error_by_step=own)


def allowed_by_step(spread: Tensor) -> BySteps:
    """What an envelope of `output` allows the error to be."""
    return by_step(ENVELOPES * spread)


def by_step(groups: Tensor) -> BySteps:
    """The groups of `output`, (L, D) or (L, N, D), as the largest of each step, by direction."""
    by_direction = (groups.amax(1) if groups.dim() == 3 else groups).T.tolist()
    return {
        name: tuple(value if isfinite(value) else None for value in steps)
        for name, steps in zip(("forward", "reverse"), by_direction, strict=False)
    }


def told_by_size(check: Check, relative_error: float) -> tuple[str, str]:
    """Return the cause of a wrong output in float64 by the error at the step where it first shows, and the reason."""
    reason = f"an error of {check.min_tolerance:.1e} of the largest value in float64"
    if relative_error > SMALL:
        return Cause.VALUES, f"{reason}: another equation"
    if relative_error > 3e-6:
        words = "the size of an approximated function, or of weights rounded to TF32, bfloat16 or float16"
        return Cause.APPROXIMATION, f"{reason}: {words}"
    if relative_error > 1e-9:
        return DOWNCAST, f"{reason}: the size of float32 inside float64 work ({DOWNCAST})"
    return Cause.ROUNDING, f"{reason}: small, and still more than rounding in float64"


def _wrong_form(actual: Tensor | None, reference: Tensor) -> Finding | None:
    """Return what is wrong with a tensor before its values are looked at."""
    if actual is None:
        return Finding(Verdict.MISMATCH, Cause.NO_GRADIENT, "no gradient reaches it")
    if actual.shape != reference.shape:
        reason = f"shape {tuple(actual.shape)}, expected {tuple(reference.shape)}"
        return Finding(Verdict.MISMATCH, Cause.SHAPE, reason)
    if (actual.dtype, actual.device, actual.layout) == (reference.dtype, reference.device, reference.layout):
        return None
    for attribute, cause in (("dtype", Cause.DTYPE), ("device", Cause.DEVICE), ("layout", Cause.MEMORY_LAYOUT)):
        seen, expected = (str(getattr(tensor, attribute)).removeprefix("torch.") for tensor in (actual, reference))
        if seen != expected:
            downcast = (seen, expected) == ("float32", "float64")
            reason = f"{attribute} {seen}, expected {expected}{f' ({DOWNCAST})' if downcast else ''}"
            return Finding(Verdict.MISMATCH, DOWNCAST if downcast else cause, reason)
    return None


def _largest(values: Tensor) -> float:
    """The largest magnitude; NaN and infinity stay what they are."""
    return values.abs().max().item() if values.numel() else 0.0


def _first(mask: Tensor) -> tuple[int, ...]:
    """The index of the first True. (torch.unravel_index would import sympy: a third of a second.)"""
    flat = int(mask.flatten().int().argmax())
    index = []
    for size in reversed(mask.shape):
        flat, at = divmod(flat, size)
        index.append(at)
    return tuple(reversed(index))
