"""Candidates that make float32 tensors in the middle of float64 work, or that float64 does not reach at all.

Such code is right in float32: it is a finding, and a mismatch in a float64 case alone.
"""

from dataclasses import replace

import torch
from torch import Tensor

from rnncli.core.case import Case
from rnncli.core.causes import DOWNCAST, Cause
from rnncli.core.errors import CandidateError
from rnncli.core.records import Check, Verdict
from rnncli.numerics.probe import Probe, results
from rnncli.verdict.compare import of_the_largest
from rnncli.verdict.evaluate import Candidate, Values, same_results
from rnncli.verdict.problem import Problem

# Errors below this share of the largest value may be float32 inside float64 work: its unit roundoff is 6e-8, and the
# longest recurrences of the tests grow it a hundredfold.
OF_FLOAT32 = 1e-4
NUDGE = 1e-10  # of the value: float32 resolves 1e-7


def buffer_without_dtype(problem: Problem, candidate: Candidate) -> str | None:
    """Return what a candidate makes in float32 where torch's default dtype is left at float32, and at which line."""
    if candidate.built_in:
        return None
    calls = [(problem.forward_alone, "")]
    if candidate.h_0_may_be_omitted and problem.case.input.h_0 != "omitted":
        calls.append((problem.without_states.forward_alone, ", where h_0 is omitted"))
    for call, when in calls:
        told = f" in the middle of float64 work{when}"
        try:
            plain = candidate.evaluate(call.case, call.probe, plain=True)
            if same_results(plain, call.values("algorithm", candidate)):
                continue
        except CandidateError as error:
            told = f"{when}: in float64 {_said(error)}"
        if line := _line(call, candidate, plain=True):
            return f"{line} makes a float32 tensor{told}"
    return None


def looks_like_float32(checks: tuple[Check, ...]) -> bool:
    """Return whether what is wrong in float64, gradients apart, has the size of float32's rounding, or its dtype."""
    wrong = [check for check in checks if check.verdict == Verdict.MISMATCH and not check.tensor.startswith("grad ")]
    of_dtype = all(check.cause == DOWNCAST and check.max_abs_error is None for check in wrong)
    small = all(check.min_tolerance is not None and check.min_tolerance < OF_FLOAT32 for check in wrong)
    return bool(wrong) and (of_dtype or small)


def of_its_size_alone(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """Return the checks of a candidate in which no float32 tensor was found, without the claim that there is one."""
    told = "the size of float32's rounding, and no tensor in it is float32"
    return tuple(
        replace(check, cause=Cause.APPROXIMATION, reason=f"{of_the_largest(check)}: {told}")
        if check.cause == DOWNCAST and check.min_tolerance is not None else check for check in checks
    )  # fmt: skip


def own_cast(
    problem: Problem, candidate: Candidate, error: CandidateError | None, values: Values | None = None
) -> str | None:
    """Return what a candidate casts to float32 by itself, in words; None where nothing in it is cast.

    `error` is what it raised in float64, else `values` what it computed.
    """
    line = _line(problem, candidate, plain=False)
    if line is None and error is not None and problem.dtype == torch.float64:
        return None
    if line is None and error is None and not candidate.uses_numpy:
        returned = [values.tensors[name] for name in results(problem.case)] if values and not candidate.built_in else []
        if not any(value is not None and value.dtype == torch.float32 for value in returned):
            return None
    if line is None and error is None and candidate.uses_numpy and _is_smooth(problem, candidate):
        return None
    told = f"{line or 'the candidate'} casts to float32 in the middle of float64 work"
    return f"{told}: {_said(error)}" if error else told


def _is_smooth(problem: Problem, candidate: Candidate) -> bool:
    """Return whether output follows each leaf when it is moved by far less than float32 resolves, as nn.RNN's does."""
    forward = problem.forward_alone

    def outputs(of: Problem) -> list[Tensor | None]:
        return [one.tensors["output"] for one in (of.values("algorithm", candidate), of.reference("algorithm"))]

    before = outputs(forward)
    for name in forward.probe.leaves:
        after = outputs(forward.derived(_nudged, name))
        moved = [one - other for one, other in zip(after, before, strict=True) if one is not None and other is not None]
        if len(moved) < 2 or not (moved[0] - moved[1]).norm() <= moved[1].norm() / 2:
            return False
    return True


def _nudged(case: Case, probe: Probe, name: str) -> tuple[Case, Probe]:
    def nudged(leaf: str, value: Tensor) -> Tensor:
        return value * (1 + NUDGE) if leaf == name else value

    parameters = {leaf: nudged(leaf, value) for leaf, value in probe.parameters.items()}
    return case, replace(probe.changed(nudged), parameters=parameters)


def _line(problem: Problem, candidate: Candidate, plain: bool) -> str | None:
    try:
        return candidate.float32_line(problem.case, problem.probe, plain)
    except CandidateError:
        return None


def _said(error: CandidateError) -> str:
    return str(error).partition(": ")[2]
