"""Further calls of a candidate whose first one is right: other weights, no h_0, one sequence, one step, and again."""

from contextlib import suppress
from dataclasses import replace

import torch

from rnncli.core.case import Case
from rnncli.core.causes import LEAK, Cause
from rnncli.core.errors import CandidateError
from rnncli.core.records import Stage
from rnncli.numerics.oracle import Oracle
from rnncli.numerics.probe import Probe, first_sequence, without_states
from rnncli.verdict import regimes
from rnncli.verdict.evaluate import Candidate, Values, same_results
from rnncli.verdict.problem import Derived, Problem
from rnncli.verdict.stage import Difference, first_difference
from rnncli.verdict.unusual_calls import in_unusual_calls


def check_repeat_calls(problem: Problem, candidate: Candidate, values: Values) -> tuple[Difference | None, bool]:
    """Return the first difference that a further call in float64 shows, and whether the candidate starts in float32
    where h_0 is omitted. `values` are those of the first call. Raises CandidateError.
    """
    other, starts_narrow = _with_other_weights(problem, candidate)
    found = (
        other
        or with_one_sequence(problem, "algorithm", candidate)
        or _with_one_step(problem, candidate)
        or _again_without_h_0(problem, candidate)
        or _overwritten(values)
        or regimes.difference(problem, candidate, starts_narrow=starts_narrow)
        or in_unusual_calls(problem, candidate)
    )
    return found, starts_narrow


def _with_other_weights(problem: Problem, candidate: Candidate) -> tuple[Difference | None, bool]:
    """Call with negated weights and no h_0, to expose cached state and a default h_0 that is not zero.

    A candidate need not take that; then with h_0.
    """
    other, starts_narrow = problem.without_states.derived(_negated), False
    try:
        values = other.values("algorithm", candidate)
    except CandidateError as error:
        if candidate.h_0_may_be_omitted:
            starts_narrow = problem.dtype != torch.float64 and problem.without_states.runs("precision", candidate)
            if not starts_narrow:
                raise _without_h_0(error) from error
        other = problem.forward_alone.derived(_negated)
        values = other.values("algorithm", candidate)
    when = "called with other weights (something of the first call is kept)"
    found = first_difference(other, "algorithm", candidate, when, Cause.OTHER_WEIGHTS, values)
    if found is None and not _moves(problem.reference("algorithm")):  # a state of zeros that is kept does not show
        found = first_difference(other, "algorithm", candidate, when, Cause.OTHER_WEIGHTS)
    return found and (_why_another_call_differs(problem, candidate) or found), starts_narrow


def _negated(case: Case, probe: Probe) -> Derived:
    """Negate the weights. The oracle stands for nn.RNN, which would be built anew."""
    probe = replace(probe, parameters={name: -value for name, value in probe.parameters.items()})
    return case, probe, Values(dict(Oracle(case, probe).values))


def _without_h_0(error: CandidateError) -> CandidateError:
    return CandidateError(f"{error} (h_0 is omitted, as its code allows)", error.trace)


def _why_another_call_differs(problem: Problem, candidate: Candidate) -> Difference | None:
    """Return what two calls with the first one's own values show, with h_0 and without."""
    run = problem.case.run
    mode = ("called in eval mode and without gradients", Cause.OTHER_WEIGHTS) if run.train or run.gradients else None
    found = _in_two_calls(problem.forward_alone, candidate, "called again with the same input", mode)
    if found or problem.case.input.h_0 == "omitted":
        return found
    try:
        without = "called without h_0", Cause.WITHOUT_H_0
        return _in_two_calls(problem.without_states, candidate, "called again, without h_0", without)
    except CandidateError:
        return None


def _in_two_calls(
    problem: Problem, candidate: Candidate, again: str, alike: tuple[str, Cause] | None
) -> Difference | None:
    """Return the difference that two calls show. `alike`: when they were called, and the cause, if they agree."""
    values, once_more = (problem.values("algorithm", candidate) for _ in range(2))
    leak = f"{again} ({LEAK})", LEAK
    when, cause = alike if alike and same_results(values, once_more) else leak
    found = first_difference(problem, "algorithm", candidate, when, cause, values)
    return found or first_difference(problem, "algorithm", candidate, when, cause, once_more)


def with_one_sequence(problem: Problem, stage: Stage, candidate: Candidate) -> Difference | None:
    """Call with the first sequence alone."""
    if problem.case.input.layout == "unbatched" or problem.case.input.batch_size < 2:
        return None
    when = "given the first sequence alone (N = 1)"
    try:
        return first_difference(problem.first_sequence, stage, candidate, when, Cause.ONE_SEQUENCE)
    except CandidateError as error:
        return Difference("output", Cause.ONE_SEQUENCE, f"{when}: {error}")


def _with_one_step(problem: Problem, candidate: Candidate) -> Difference | None:
    """Call with the first step alone, where a candidate takes another length than the case's."""
    if candidate.built_in or problem.case.input.seq_len < 2:
        return None
    when = "given the first step alone (L = 1)"
    whole = problem.forward_alone if problem.drops else problem
    with suppress(CandidateError):
        return first_difference(whole.shortened(1), "algorithm", candidate, when, Cause.ONE_STEP)
    return None


def _again_without_h_0(problem: Problem, candidate: Candidate) -> Difference | None:
    """Call with one step, one sequence, and both, twice each and without h_0: a state may be kept for these alone."""
    if candidate.built_in or not candidate.h_0_may_be_omitted:
        return None
    given, whole = problem.case.input, problem.forward_alone if problem.drops else problem
    batched = given.layout != "unbatched" and given.batch_size > 1
    alone = [whole.derived(first_sequence)] if batched else []
    steps = [whole.shortened(1)] if given.seq_len > 1 else []
    both = [one.shortened(1) for one in alone if steps]
    for small in [*steps, *alone, *both]:
        sizes = "one step" if small.case.input.seq_len == 1 else "one sequence"
        sizes = "one step of one sequence" if small in both else sizes
        alike = f"called without h_0, with {sizes}", Cause.WITHOUT_H_0
        with suppress(CandidateError):
            again = f"called again, with {sizes} and without h_0"
            if found := _in_two_calls(small.derived(without_states), candidate, again, alike):
                return found
    return None


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

    def call(asked: Problem) -> Difference | None:
        return first_difference(asked, "precision", candidate, "called without h_0", Cause.WITHOUT_H_0)

    try:
        found = call(problem.without_states) or call(problem.without_states)
    except CandidateError as error:
        raise _without_h_0(error) from error
    return None if found and call(problem) else found  # what is wrong with h_0 too is told by that


def _moves(values: Values) -> bool:
    """Return whether any final state is not zero."""
    return any(value is None or bool(value.any()) for name, value in values.tensors.items() if name.endswith("_n"))
