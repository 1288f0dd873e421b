"""Values from both sides into checks with a verdict. Returns records; never raises, never prints.

Two stages. `algorithm`: both sides in float64, the candidate against the reference: is it the same function?
`precision`: both sides in the working dtype, each against the float64 oracle: is it as accurate as that dtype allows?
The tolerance is the noise envelope of the oracle. What an envelope cannot decide is left open, and `stage` goes on.
"""

from collections.abc import Container
from dataclasses import replace
from functools import cached_property
from math import inf, isfinite

import torch
from torch import Tensor

from rnncli.core.causes import DOWNCAST, Cause
from rnncli.core.records import BySteps, Check, Location, Stage, Verdict
from rnncli.numerics.locate import by_group, first_in_order, locate, over_elements
from rnncli.numerics.oracle import Envelope
from rnncli.numerics.probe import results
from rnncli.numerics.rounding import ARITHMETIC, arithmetic
from rnncli.verdict.evaluate import Finding, Values
from rnncli.verdict.problem import Problem

OPEN = (Cause.AMPLIFIED, Cause.OVERFLOW, Cause.RELU_KINK)  # rounding is amplified, nn.RNN overflows, a relu at its kink
SMALL = 3e-2  # of the values at the first wrong step: more is another equation

ENVELOPES = 3.0  # of 10,000 correct RNNs of the audit none is beyond 2.3; one was at 3.4: LOST_SHARE is for it
BEYOND_FLOAT32 = 1e12  # envelopes of float64: float32 rounds 5e8 times as coarsely
LOST_SHARE = 0.1  # of a group's values in float64: what rounding moves by more than that, it may move by any amount
LOST_ENVELOPES = 1000.0  # of a group that rounding moves by more than its values: 12 were seen, and so wide is no proof
HONEST_FACTOR = 2.0  # times nn.RNN's own error: no more needs to be shown where the algorithm stage matches
UNEVEN = 8.0  # times as much, of its size, one group may err as the whole tensor: small values hide behind large ones
TINY = torch.finfo(torch.float64).tiny
SAME_IN_FLOAT64 = 1e-13  # of the largest value of the group: no envelope in float64 is smaller than its rounding


def loosest(kind: str) -> float:
    """Return the largest envelope, as a share of the tensor's scale, that still decides anything."""
    return max(1e-3, 32 * ARITHMETIC[kind].unit)


def compare(
    problem: Problem, stage: Stage, values: Values, same_algorithm: bool = True, only: Container[str] | None = None
) -> tuple[Check, ...]:
    """Return one check per tensor, or per tensor of `only`: output, h_n and `grad <leaf>`.

    What an envelope leaves open is not comparable, with one of OPEN as its cause. `same_algorithm`: nn.RNN's own error
    excuses one of its size.
    """
    found = []
    for name, reference in problem.reference(stage).tensors.items():
        expected = problem.expected(stage).get(name)
        if reference is None or expected is None or (only is not None and name not in only):
            continue
        policy = problem.policy.name if stage == "precision" else "envelope"
        dtype = str(reference.dtype).removeprefix("torch.")
        check = Check(tensor=name, stage=stage, dtype=dtype, verdict=Verdict.MISMATCH, policy=policy)
        actual = values.tensors.get(name)
        if actual is None and name.startswith("grad ") and not reference.any():
            actual = torch.zeros_like(reference)  # a weight for h, in one step from zeros, need not be in the graph
        finding = values.findings.get(name) or wrong_form(actual, reference)
        if not finding and problem.case.input.layout == "batched" and problem.case.input.batch_size == 0:
            reason = "batch_size 0: only shapes can be compared, and they are right"
            finding = Finding(Verdict.NOT_COMPARABLE, Cause.EMPTY_BATCH, reason)
        if finding:
            found.append(replace(check, **finding._asdict()))
        elif actual is not None:  # as it is wherever its form is right
            found.append(_Elements(problem, check, actual, reference, expected, same_algorithm).judged())
    return tuple(found)


class _Elements:
    """One tensor's values on both sides, element by element, in float64 and of one shape."""

    def __init__(
        self, problem: Problem, check: Check, actual: Tensor, reference: Tensor, expected: Tensor, same_algorithm: bool
    ) -> None:
        self.problem, self.check, self.case, self.same_algorithm = problem, check, problem.case, same_algorithm
        self.dtype, self.kind = reference.dtype, arithmetic(problem.case, reference.dtype, reference.device)
        self.actual, self.reference = actual.double(), reference.double()
        self.expected = expected.to(actual.device).double()
        self.error = (self.actual - self.expected).abs()
        self.own_error = (self.reference - self.expected).abs() if check.stage == "precision" else None
        self.largest, self.scale = self.error.max().item(), self.expected.abs().max().item()
        self.own = None if self.own_error is None else self.own_error.max().item()

    def by_group(self, magnitudes: Tensor) -> Tensor:
        return by_group(self.case, self.check.tensor, magnitudes)

    @cached_property
    def errors(self) -> Tensor:
        return self.by_group(self.error)

    @cached_property
    def sizes(self) -> Tensor:
        return self.by_group(self.expected.abs())

    def judged(self) -> Check:
        """Return the check with its verdict."""
        if self.check.policy == "exact":
            return self._exact()
        if not (isfinite(self.largest) and isfinite(self.own or 0.0)):
            comparable = self.reference.isfinite() & self.expected.isfinite()
            broken = comparable & ~self.actual.isfinite()
            if not comparable.all() or (self.problem.overflows(self.check.stage) and broken.any()):
                return self._open(self.check, Cause.OVERFLOW)
            if broken.any():
                reason = f"{_share(broken)} are not finite where {self.case.cell.layer}'s are"
                return self._mismatch(self._over_time(), Cause.NOT_FINITE, reason, broken.double(), broken)
        check = self._measured(self.largest, self.own)
        if check.policy == "fixed":
            return self._within_fixed(check)
        if self._is_rounding():
            return replace(check, verdict=Verdict.MATCH)
        if self.problem.overflows(self.check.stage):
            return self._open(check, Cause.OVERFLOW)
        return self._within_envelope(check)

    def _over_time(self) -> Check:
        if self.check.tensor != "output":
            return self.check
        own = None if self.own_error is None else by_step(self.by_group(self.own_error))
        return replace(self.check, error_by_step=by_step(self.errors), reference_error_by_step=own)

    def _measured(self, largest: float, own: float | None) -> Check:
        tolerance = 0.0 if largest == 0 else largest / self.scale if self.scale else None
        return replace(self._over_time(), max_abs_error=largest, reference_max_abs_error=own, min_tolerance=tolerance)

    def _exact(self) -> Check:
        """Compare with the reference bit for bit; a NaN equals a NaN."""
        assert self.own_error is not None
        check = self._measured(*(errors.nan_to_num(inf).max().item() for errors in (self.error, self.own_error)))
        different = (self.actual != self.reference) & ~(self.actual.isnan() & self.reference.isnan())
        if not different.any():
            return replace(check, verdict=Verdict.MATCH)
        reason = f"{_share(different)} are not {self.case.cell.layer}'s, bit for bit"
        return self._mismatch(check, Cause.VALUES, reason, different.double(), different)

    def _within_fixed(self, check: Check) -> Check:
        atol, rtol = self.problem.policy.tolerances(self.dtype)
        excess = self.error - (atol + rtol * self.expected.abs())
        if excess.max() <= 0:
            return replace(check, verdict=Verdict.MATCH)
        return self._mismatch(check, Cause.VALUES, None, excess, excess > 0)

    def _is_rounding(self) -> bool:
        """Return whether the error needs no envelope."""
        if self.largest == 0:
            return True
        if self.dtype == torch.float64 and (self.errors <= SAME_IN_FLOAT64 * self.sizes).all():
            return True
        if self.own is None or not self.same_algorithm:
            return False
        if not (self.own <= loosest(self.kind) * self.scale and self.largest <= HONEST_FACTOR * self.own):
            return False
        return bool((self.errors * self.scale <= UNEVEN * HONEST_FACTOR * self.own * self.sizes).all())

    def _within_envelope(self, check: Check) -> Check:
        envelope, tensor = self.problem.oracle(check.stage).envelope(self.kind), check.tensor
        spread = envelope.spread[tensor].to(self.error.device)
        widest = spread.max().item()
        allowed = ENVELOPES * over_elements(self.case, tensor, spread)
        used = self.error / allowed.clamp_min(TINY)
        ratio = ENVELOPES * used.max().item()
        check = replace(
            check,
            noise_ratio=ratio if isfinite(ratio) else None,
            allowed=ENVELOPES * widest / self.scale if self.scale and isfinite(widest) else None,
            allowed_by_step=allowed_by_step(spread) if tensor == "output" else None,
        )
        forward_decides = all(
            envelope.decides(name, expected, loosest(self.kind))
            for name in results(self.case)
            if (expected := self.problem.expected(check.stage)[name]) is not None
        )
        if tensor.startswith("grad ") and envelope.kinks and forward_decides:
            return self._open(check, Cause.RELU_KINK)
        if not (forward_decides and envelope.decides(tensor, self.expected, loosest(self.kind))):
            return self._open(check, Cause.AMPLIFIED)
        if ratio <= ENVELOPES:
            return replace(check, verdict=Verdict.MATCH)
        lost = self._lost(spread, envelope) & (used <= LOST_ENVELOPES / ENVELOPES)
        outside = (used > 1) & ~lost
        if outside.any():
            return self._told(self._mismatch(check, Cause.VALUES, None, used.where(~lost, 0.0), outside))
        share = f"in {lost.double().mean().item():.1%} of the values rounding alone is of the order of the values"
        return replace(check, verdict=Verdict.MATCH, noise_ratio=None, reason=f"{share}; the others agree")

    def _lost(self, spread: Tensor, envelope: Envelope) -> Tensor:
        """Mark where rounding moves a group by a large part of its values: a recurrence that grew has shrunk again."""
        sizes = envelope.sizes.get(self.check.tensor, self.sizes).to(spread.device)  # nn.RNN's own are lost as well
        share = LOST_SHARE if self.kind == "float64" else 1.0
        groups = (spread > share * sizes + envelope.floor).double()
        return (over_elements(self.case, self.check.tensor, groups) > 0).expand_as(self.expected)

    def _told(self, check: Check) -> Check:
        """Return a mismatch with what the size of its error tells."""
        if not isfinite(self.largest):
            return replace(check, reason="the error is larger than float64 holds")
        if not self.scale:
            return replace(check, reason=f"{self.case.cell.layer}'s values are all zero, and these are not")
        if check.stage == "precision":
            return check
        if check.tensor != "output":  # a gradient sums up all steps: its size tells no equation from an approximation
            return replace(check, reason=of_the_largest(check))
        first = check.first_divergence or Location()
        direction = int(first.direction == "reverse")
        group = (first.time, direction) if self.errors.dim() == 2 else (first.time, first.batch, direction)
        return told_by_size(check, (self.errors[group] / self.sizes[group].clamp_min(TINY)).item())

    def _open(self, check: Check, cause: Cause) -> Check:
        return replace(check, verdict=Verdict.NOT_COMPARABLE, cause=cause)

    def _mismatch(self, check: Check, cause: Cause, reason: str | None, excess: Tensor, outside: Tensor) -> Check:
        worst = locate(self.case, check.tensor, _first(excess == excess.max()))
        first = first_in_order(self.case, check.tensor, outside) if outside.any() else None
        return replace(check, verdict=Verdict.MISMATCH, cause=cause, reason=reason, worst=worst, first_divergence=first)


def allowed_by_step(spread: Tensor) -> BySteps:
    """Return what an envelope of `output` allows the error to be."""
    return by_step(ENVELOPES * spread)


def by_step(groups: Tensor) -> BySteps:
    """Return the largest of the groups of `output`, (L, D) or (L, N, D), at each step, by direction."""
    by_direction = (groups.amax(1) if groups.dim() == 3 else groups).T.tolist()
    return {
        name: tuple(value if isfinite(value) else None for value in steps)
        for name, steps in zip(("forward", "reverse"), by_direction, strict=False)
    }


def told_by_size(check: Check, relative_error: float) -> Check:
    """Return a wrong output in float64 with what its error, at the step where it first shows, tells of the cause."""
    told: tuple[str, str] = Cause.ROUNDING, "small, and still more than rounding in float64"
    faint = check.noise_ratio is not None and check.noise_ratio > BEYOND_FLOAT32  # where it shows first alone
    if relative_error > SMALL or (faint and 1e-9 < relative_error <= 3e-6):
        told = Cause.VALUES, "another equation"
    elif relative_error > 3e-6:
        words = "the size of an approximated function, or of weights rounded to TF32, bfloat16 or float16"
        told = Cause.APPROXIMATION, words
    elif relative_error > 1e-9:
        told = DOWNCAST, f"the size of float32 inside float64 work ({DOWNCAST})"
    return replace(check, cause=told[0], reason=f"{of_the_largest(check)}: {told[1]}")


def of_the_largest(check: Check) -> str:
    """Return the error of a check in float64 in words."""
    return f"an error of {check.min_tolerance:.1e} of the largest value in float64"


def _share(mask: Tensor) -> str:
    return f"{int(mask.sum())} of {mask.numel()} values"


def wrong_form(actual: Tensor | None, reference: Tensor) -> Finding | None:
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


def _first(mask: Tensor) -> tuple[int, ...]:
    """Return the index of the first True. (torch.unravel_index would import sympy: a third of a second.)"""
    flat = int(mask.flatten().int().argmax())
    index = []
    for size in reversed(mask.shape):
        flat, at = divmod(flat, size)
        index.append(at)
    return tuple(reversed(index))
