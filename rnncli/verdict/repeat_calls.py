"""Further calls of a candidate whose first one is right: with other weights, without h_0, with one sequence, again."""

from dataclasses import replace

import torch

from rnncli.core.case import altered
from rnncli.core.causes import LEAK, Cause
from rnncli.core.errors import CandidateError
from rnncli.core.records import Verdict
from rnncli.numerics.oracle import Oracle
from rnncli.numerics.probe import without_states
from rnncli.verdict import regimes
from rnncli.verdict.evaluate import Candidate, Values, has_values
from rnncli.verdict.problem import Derived, Difference, Problem
from rnncli.verdict.stage import first_difference, stage_checks


def check_repeat_calls(problem: Problem, candidate: Candidate, values: Values) -> tuple[Difference | None, bool]:
    """Return the first difference that a further call in float64 shows, and whether the candidate starts in float32
    where h_0 is omitted. `values` are those of the first call. Raises CandidateError.
    """
    other, starts_narrow = _with_other_weights(problem, candidate)
    found = (
        other
        or _with_one_sequence(problem, candidate)
        or _overwritten(values)
        or regimes.first_difference(problem, candidate)
    )
    return found, starts_narrow


def _with_other_weights(problem: Problem, candidate: Candidate) -> tuple[Difference | None, bool]:
    """Negated weights and no h_0 expose cached state and a default h_0 that is not zero.

    A candidate need not take that; then with h_0. The oracle stands for nn.RNN, which would be built anew.
    """
    other, starts_narrow = _negated(problem, with_h_0=False), False
    try:
        values = other.values("algorithm", candidate)
    except CandidateError as error:
        starts_narrow = candidate.h_0_may_be_omitted and _runs_in_working_dtype(problem.without_states(), candidate)
        if candidate.h_0_may_be_omitted and not starts_narrow:
            raise CandidateError(f"{error} (h_0 is omitted, as its signature allows)", error.trace) from error
        other = _negated(problem, with_h_0=True)
        values = other.values("algorithm", candidate)
    when = "called with other weights (something of the first call is kept)"
    found = first_difference(other, candidate, values, when, Cause.OTHER_WEIGHTS)
    if found is None and not _moves(problem.reference("algorithm")):  # a state of zeros that is kept does not show
        values = other.values("algorithm", candidate)
        found = first_difference(other, candidate, values, when, Cause.OTHER_WEIGHTS)
    return found and (_why_another_call_differs(problem, candidate) or found), starts_narrow


def _runs_in_working_dtype(problem: Problem, candidate: Candidate) -> bool:
    if problem.dtype == torch.float64:
        return False
    try:
        problem.values("precision", candidate)
    except CandidateError:
        return False
    return True


def _negated(problem: Problem, with_h_0: bool) -> Problem:
    def make() -> Derived:
        probe = replace(problem.probe, parameters={name: -value for name, value in problem.probe.parameters.items()})
        case, probe = (problem.case, probe) if with_h_0 else without_states(problem.case, probe)
        case = altered(case, run={"gradients": False, "train": False})
        return case, probe, Values(dict(Oracle(case, probe).values))

    return problem.forward_alone(("other weights", with_h_0), make)


def _why_another_call_differs(problem: Problem, candidate: Candidate) -> Difference | None:
    """What a call with the first one's own values shows, with h_0 and without."""
    again = problem.repeated()
    values, once_more = again.values("algorithm", candidate), again.values("algorithm", candidate)
    leaks = not (same_results(values, once_more) and (problem.case.run.train or problem.case.run.gradients))
    when = f"called again with the same input ({LEAK})" if leaks else "called in eval mode and without gradients"
    found = first_difference(again, candidate, values, when, LEAK if leaks else Cause.OTHER_WEIGHTS)
    if found or problem.case.input.h_0 == "omitted":
        return found
    without = problem.without_states()
    try:
        values, once_more = without.values("algorithm", candidate), without.values("algorithm", candidate)
    except CandidateError:
        return None
    leaks = not same_results(values, once_more)
    when = f"called again, without h_0 ({LEAK})" if leaks else "called without h_0"
    return first_difference(without, candidate, values, when, LEAK if leaks else Cause.WITHOUT_H_0)


def _with_one_sequence(problem: Problem, candidate: Candidate) -> Difference | None:
    if problem.case.input.layout == "unbatched" or problem.case.input.batch_size < 2:
        return None
    when, alone = "given the first sequence alone (N = 1)", problem.first_sequence()
    try:
        values = alone.values("algorithm", candidate)
    except CandidateError as error:
        return Difference("output", Cause.ONE_SEQUENCE, f"{when}: {error}")
    return first_difference(alone, candidate, values, when, Cause.ONE_SEQUENCE)


def _overwritten(values: Values) -> Difference | None:
    name = values.overwritten
    reason = f"a later call overwrites the {name} that this one returned"
    return Difference(name, Cause.RESULT_OVERWRITTEN, reason) if name else None


def without_h_0_in_working_dtype(problem: Problem, candidate: Candidate) -> Difference | None:
    """Call twice without h_0 in the working dtype: a start in another dtype, or one that is kept, shows there alone.

    Raises as the calls do.
    """
    if problem.dtype == torch.float64 or not candidate.h_0_may_be_omitted:
        return None
    for _ in range(2):
        try:
            found = _in_working_dtype(problem.without_states(), candidate, "called without h_0", Cause.WITHOUT_H_0)
        except CandidateError as error:
            raise CandidateError(f"{error} (h_0 is omitted, as its signature allows)", error.trace) from error
        if found:
            return found
    return None


def one_sequence_in_working_dtype(problem: Problem, candidate: Candidate) -> Difference | None:
    """Call with the first sequence alone in the working dtype, for candidates that float64 does not reach."""
    if problem.case.input.layout == "unbatched" or problem.case.input.batch_size < 2:
        return None
    when = "given the first sequence alone (N = 1)"
    try:
        return _in_working_dtype(problem.first_sequence(), candidate, when, Cause.ONE_SEQUENCE)
    except CandidateError as error:
        return Difference("output", Cause.ONE_SEQUENCE, f"{when}: {error}")


def _in_working_dtype(problem: Problem, candidate: Candidate, when: str, cause: Cause) -> Difference | None:
    for check in stage_checks(problem, "precision", candidate, same_algorithm=False):
        if check.verdict == Verdict.MISMATCH:
            return Difference(check.tensor, cause, f"{when}: {check.reason or 'other values'}")
    return None


def _moves(values: Values) -> bool:
    """Return whether any final state is not zero."""
    return any(value is None or bool(value.any()) for name, value in values.tensors.items() if name.endswith("_n"))


def same_results(values: Values, others: Values) -> bool:
    """Return whether two calls returned the same tensors, dtype included, to rounding."""
    for name, one in values.tensors.items():
        other = others.tensors[name]
        if name.startswith("grad "):
            continue
        if one is None or other is None:
            if one is not other:
                return False
            continue
        if (one.shape, one.dtype) != (other.shape, other.dtype):
            return False
        comparable = has_values(one) and has_values(other)
        if comparable and not torch.allclose(one, other, rtol=1e-9, atol=1e-12, equal_nan=True):
            return False
    return True
