"""The procedure that leads to a verdict: one candidate on one problem, check by check."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import torch

from rnncli.candidate.load import Canonical
from rnncli.core.case import Case, altered
from rnncli.core.causes import DOWNCAST, Cause
from rnncli.core.errors import CandidateError
from rnncli.core.records import Check, Verdict
from rnncli.numerics.probe import equal_sizes
from rnncli.verdict import float32, regimes
from rnncli.verdict.claims import unmeasured
from rnncli.verdict.compare import allowed_by_step
from rnncli.verdict.dropout import own_masks, without_values
from rnncli.verdict.evaluate import Candidate, Values, as_candidate
from rnncli.verdict.problem import Problem
from rnncli.verdict.repeat_calls import check_repeat_calls, with_one_sequence, without_h_0_in_working_dtype
from rnncli.verdict.stage import Difference, is_wrong, stage_checks
from rnncli.verdict.unusual_calls import with_another_dropout


class Judgement:
    """The checks of a candidate, in the order they are reached: of the algorithm stage, then of the precision stage.

    Iterating does no more work than the checks that are taken: `mismatch` stops at the first one.
    """

    def __init__(self, problem: Problem, candidate: Candidate | Canonical) -> None:
        self.problem, self.candidate = problem, as_candidate(candidate)
        self.values = Values()  # the candidate's in the working dtype, once all checks are there
        self.downcast: str | None = None  # what makes float32 tensors in the middle of float64 work, and where

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """All checks. Raises CandidateError where the candidate's forward does, on any sizes."""
        return tuple(self)

    @cached_property
    def mismatch(self) -> Check | None:
        """The first check that is a mismatch. Raises as `checks` does."""
        checks = vars(self).get("checks", self)  # all of them, where they are there
        return next((check for check in checks if check.verdict == Verdict.MISMATCH), None)

    def __iter__(self) -> Iterator[Check]:
        problem, candidate = self.problem, self.candidate
        try:
            in_float64 = problem.values("algorithm", candidate)
        except CandidateError as error:
            yield from self._where_float64_raises(error)
            return
        algorithm = stage_checks(problem, "algorithm", candidate, in_float64, measure=True)
        if is_wrong(algorithm) and float32.looks_like_float32(algorithm):
            cast = float32.own_cast(problem, candidate, None, in_float64)
            if cast and (checks := self._in_float32(cast)):
                yield from checks
                return
            if not cast and not candidate.built_in:
                algorithm = float32.of_its_size_alone(algorithm)
        masks = own_masks(problem, candidate, algorithm)
        algorithm = without_values(algorithm, masks) if masks else algorithm
        algorithm = self._in_further_calls(algorithm, in_float64)
        yield from algorithm
        try:
            self.values = in_float64 if problem.dtype == torch.float64 else problem.values("precision", candidate)
        except CandidateError:
            if not is_wrong(algorithm):
                raise
            self.values = in_float64  # what it keeps of float64 calls ends one in another dtype
            return
        precision = stage_checks(problem, "precision", candidate, self.values, same_algorithm=not is_wrong(algorithm))
        if not masks and is_wrong(precision) and not is_wrong(algorithm):
            masks = own_masks(problem, candidate, precision, "precision")
        yield from without_values(precision, masks) if masks else precision

    def _in_further_calls(self, checks: tuple[Check, ...], in_float64: Values) -> tuple[Check, ...]:
        problem, candidate, starts_narrow = self.problem, self.candidate, False
        if not is_wrong(checks):
            found, starts_narrow = check_repeat_calls(problem, candidate, in_float64)
            checks = _with_difference(checks, found)
            checks = _with_difference(checks, without_h_0_in_working_dtype(problem, candidate))
        if not is_wrong(checks) and all(check.cause != Cause.DROPOUT_MASKS for check in checks):
            checks = _with_difference(checks, with_another_dropout(problem, candidate))
        self.downcast = float32.buffer_without_dtype(problem, candidate)
        if starts_narrow and not self.downcast:
            self.downcast = "it starts in float32 where h_0 is omitted"
        if self.downcast and problem.dtype == torch.float64:
            checks = _with_difference(checks, Difference("output", DOWNCAST, f"{self.downcast} ({DOWNCAST})"))
        return checks

    # -- candidates that float64 does not reach ------------------------------------------------------------------------

    def _where_float64_raises(self, error: CandidateError) -> tuple[Check, ...]:
        """Return the checks of a candidate whose forward raises in float64: because it casts, or by its sizes.

        Raises the error where neither is why.
        """
        cast = float32.own_cast(self.problem, self.candidate, error)
        checks = self._in_float32(cast) if cast else None
        return checks or (_mismatch(f"{error}; it runs {self._where_it_runs(error)}", Cause.SIZES),)

    def _in_float32(self, cast: str) -> tuple[Check, ...] | None:
        """Return the checks of a candidate that casts by itself: it is held to float32's envelope.

        In a float64 case it is a mismatch. None where it does not run in float32 either.
        """
        problem, candidate = self.problem, self.candidate
        if problem.dtype == torch.float64:
            self.downcast = cast
            return (_mismatch(f"{cast} ({DOWNCAST})", DOWNCAST),)
        try:
            values = problem.values("precision", candidate)
        except CandidateError:
            return None
        checks = stage_checks(problem, "precision", candidate, values, same_algorithm=problem.dtype == torch.float32)
        if not is_wrong(checks):
            found = (
                with_one_sequence(problem, "precision", candidate)
                or regimes.difference(problem, candidate, torch.float32)
                or without_h_0_in_working_dtype(problem, candidate)
            )
            checks = _with_difference(checks, found)
        self.values, self.downcast = values, cast
        return checks

    def _where_it_runs(self, error: CandidateError) -> str:
        """Return where a candidate that raises runs all the same. Raises the error where it does not."""
        case = self.problem.case
        equal = next((equal for equal in equal_sizes(case) if self._runs(equal)), None)
        if equal is None:
            raise error
        if equal.rnn.num_layers < case.rnn.num_layers and self._runs(altered(case, rnn={"num_layers": 1})):
            return "with num_layers 1"
        return "where sizes are equal: an axis or a weight is transposed or taken for another"

    def _runs(self, case: Case) -> bool:
        return Problem(case, self.problem.device).runs("algorithm", self.candidate)


def with_envelopes(problem: Problem, checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """Return the checks, those of output with what the envelope allows over time, also where no verdict needed it."""

    def with_envelope(check: Check) -> Check:
        over_time = check.error_by_step
        if not over_time or check.allowed_by_step or check.policy != "envelope":
            return check
        allowed = allowed_by_step(problem.oracle(check.stage).envelope(problem.kind(check.stage)).spread["output"])
        of_as_many_steps = len(allowed["forward"]) == len(over_time["forward"])
        return replace(check, allowed_by_step=allowed) if of_as_many_steps else check

    return tuple(with_envelope(check) for check in checks)


def _with_difference(checks: tuple[Check, ...], found: Difference | None) -> tuple[Check, ...]:
    """Return the checks, the one of the tensor that differs (or else the first) as a mismatch, if it is none yet."""
    if found is None:
        return checks
    at = next((n for n, check in enumerate(checks) if check.tensor == found.tensor), 0)
    if checks[at].verdict == Verdict.MISMATCH:
        return checks
    wrong = replace(checks[at], verdict=Verdict.MISMATCH, cause=found.cause, reason=found.reason)
    return (*checks[:at], wrong, *checks[at + 1 :])


def _mismatch(reason: str, cause: str) -> Check:
    return unmeasured("output", Verdict.MISMATCH, cause, reason)
