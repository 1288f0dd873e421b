"""One stage: every tensor compared, and what an envelope leaves open resolved.

Where rounding is amplified or overflows, the longest prefix of the input is judged on which rounding stays small, and
single steps from the oracle's own states; where a relu is at its kink, another draw of the probe, or one reduced until
no relu is near its kink.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from rnncli.core.case import Case, altered
from rnncli.core.causes import DOWNCAST, Cause
from rnncli.core.errors import CandidateError
from rnncli.core.records import Check, Stage, Verdict
from rnncli.numerics.probe import draw, first_layer, in_layout, results, time_first
from rnncli.verdict.compare import (
    OPEN,
    SAME_IN_FLOAT64,
    compare,
    loosest,
    of_the_largest,
    told_by_size,
)
from rnncli.verdict.evaluate import Candidate, Values
from rnncli.verdict.one_step import error_of_a_step, first_wrong_step, wrong_step
from rnncli.verdict.problem import Problem, nearly_overflowing

OVER_TIME = ("error_by_step", "reference_error_by_step", "allowed_by_step")
ATTEMPTS = 20  # draws of a probe, in search of one that keeps every relu off its kink
HOPELESS = 3  # kinks in one draw: so many will not all be gone in the next
MOST_REDRAWN = 2**18  # pre-activations of a probe that is drawn again
MANY = 64  # values of output, enough for their size to mean something
ANOTHER_SIZE = 3.0  # times nn.RNN's, root mean square: a course of its own does not take a recurrence that far
FEW = 64  # pre-activations of a probe that is reduced


class Difference(NamedTuple):
    """A tensor in which a candidate differs from nn.RNN in a further call. `cause`: a Cause, or the id of a fault."""

    tensor: str
    cause: str
    reason: str


def stage_checks(
    problem: Problem,
    stage: Stage,
    candidate: Candidate,
    values: Values | None = None,
    same_algorithm: bool = True,
    only: Container[str] | None = None,
    measure: bool = False,
) -> tuple[Check, ...]:
    """Return the checks of one stage, of all tensors or some, on values the candidate gave or now gives.

    `measure`: a wrong output is measured in single steps too, which tells small wrongs from another equation.
    Raises CandidateError.
    """
    values = problem.values(stage, candidate) if values is None else values
    checks = compare(problem, stage, values, same_algorithm, only)
    if measure:
        checks = tuple(_in_one_step(problem, candidate, check) for check in checks)
    return _Open(problem, stage, candidate, values).resolved(checks)


def first_difference(
    problem: Problem, stage: Stage, candidate: Candidate, when: str, cause: str, values: Values | None = None
) -> Difference | None:
    """Return the first tensor that is a mismatch, said of the call that gave the values. Raises CandidateError.

    In float32 nn.RNN's own error excuses one of its size: cuDNN errs by up to 7e-6, far beyond the envelope.
    """
    same_algorithm = stage == "precision" and problem.dtype == torch.float32
    for check in stage_checks(problem, stage, candidate, values, same_algorithm):
        if check.verdict == Verdict.MISMATCH:
            # the first call is right: what computes it is no other equation, no approximation and no float32
            told = {Cause.VALUES, Cause.APPROXIMATION, DOWNCAST}
            by_size = check.cause in told and check.noise_ratio is not None
            reason = of_the_largest(check) if by_size and stage == "algorithm" else check.reason
            return Difference(check.tensor, cause, f"{when}: {reason or 'other values'}")
    return None


def is_wrong(checks: Iterable[Check]) -> bool:
    """Return whether any check is a mismatch."""
    return any(check.verdict == Verdict.MISMATCH for check in checks)


def _in_one_step(problem: Problem, candidate: Candidate, check: Check) -> Check:
    """Measure a large error of output again where nothing amplifies it: even weights rounded to bfloat16 err by little
    in one step of one layer.
    """
    if check.tensor != "output" or check.cause != Cause.VALUES or check.min_tolerance is None:
        return check
    error = error_of_a_step(problem, candidate)
    if not SAME_IN_FLOAT64 < error < 1:  # right in one step: it is how steps are put together
        return check
    return told_by_size(check, error)


@dataclass(frozen=True)
class _Open:
    """The checks of a stage that an envelope leaves open, and what else there is to judge them by."""

    problem: Problem
    stage: Stage
    candidate: Candidate
    values: Values

    def resolved(self, checks: Sequence[Check]) -> tuple[Check, ...]:
        together: dict[int | None, dict[str, Check]] = {}  # by the steps they are judged on; None: at relu's kink
        for check in checks:
            if check.cause in OPEN:
                steps = None if check.cause == Cause.RELU_KINK else self._longest_clear(check.tensor)
                together.setdefault(steps, {})[check.tensor] = check
        found: dict[str, Check] = {}
        for steps, unclear in together.items():
            try:
                found |= self._off_the_kink(unclear) if steps is None else self._on_a_prefix(unclear, steps)
            except CandidateError as error:
                reason = f"rounding leaves the case itself open, and on a smaller one: {error}"
                found |= {name: replace(check, reason=reason) for name, check in unclear.items()}
        if "output" in found and found["output"].verdict != Verdict.MISMATCH:
            found |= self._by_its_own_steps(found) or self._by_the_whole_run(found["output"])
        return tuple(found.get(check.tensor, check) for check in checks)

    # -- where rounding is amplified or overflows ----------------------------------------------------------------------

    def _on_a_prefix(self, checks: dict[str, Check], steps: int) -> dict[str, Check]:
        problem, forward = self.problem, results(self.problem.case)
        overflowing = next((check.dtype for check in checks.values() if check.cause == Cause.OVERFLOW), None)
        why = self._why(overflowing)
        wrong = wrong_step(problem, self.stage, self.candidate) if any(name in forward for name in checks) else None
        if steps:
            where = f"judged on the first {steps} of {problem.case.input.seq_len} steps: beyond them {why}"
            judged = stage_checks(problem.shortened(steps), self.stage, self.candidate, only=checks)
        else:
            where, cause = "", Cause.OVERFLOW if overflowing else Cause.AMPLIFIED
            judged = tuple(_not_comparable(check, cause, f"{why}, from the first step on") for check in checks.values())
        found = {}
        for check in judged:
            if wrong and check.tensor in forward and check.verdict != Verdict.MISMATCH:
                check = _mismatch(check, Cause.WRONG_STEP, wrong)
            whole = checks[check.tensor] if checks[check.tensor].error_by_step else check
            over_time = {name: getattr(whole, name) for name in OVER_TIME}
            found[check.tensor] = replace(check, reason=_joined(check.reason, where), **over_time)
        return found

    def _why(self, overflowing: str | None) -> str:
        layer, kind = self.problem.case.cell.layer, self.problem.kind(self.stage)
        if overflowing:
            return f"{layer}'s values leave the range of {overflowing}"
        decade = self.problem.oracle(self.stage).envelope(kind).steps_per_decade()
        growth = f" (this recurrence amplifies it 10x every {decade:.3g} steps)" if decade else ""
        return f"rounding alone moves {layer} by more than {loosest(kind):.2g} of its largest value{growth}"

    def _longest_clear(self, name: str) -> int:
        """Return how many steps the longest prefix of the input has whose envelope decides a tensor, or 0.

        To an eighth: finding the last few steps would cost more than they show.
        """
        clear, step, unclear = 0, 1, self.problem.case.input.seq_len
        while unclear - clear > max(1, clear // 8):
            steps = min(step, (clear + unclear) // 2)
            if self._decides(self.problem.shortened(steps), name):
                clear, step = steps, 2 * step
            else:
                unclear, step = steps, unclear
        return clear

    def _decides(self, problem: Problem, name: str) -> bool:
        oracle, kind, forward = problem.oracle(self.stage), problem.kind(self.stage), results(problem.case)
        needed = {needed: oracle.values[needed] for needed in (*forward, name)}
        limit = nearly_overflowing(problem.dtype_at(self.stage))
        if not all(value.abs().max() < limit for value in needed.values()):
            return False
        envelope = oracle.envelope(kind)
        if envelope.kinks and name not in forward:  # those are judged on the prefix, off the kink
            del needed[name]
        return all(envelope.decides(name, value, loosest(kind)) for name, value in needed.items())

    def _by_its_own_steps(self, found: dict[str, Check]) -> dict[str, Check]:
        """Return output as a mismatch where a step is not what the candidate's own state before it leads to.

        Of several layers only the last one's states are seen: then the candidate is run on the first layer alone.
        """
        seen, values, whose = self.problem, self.values, "a step"
        if seen.case.rnn.num_layers > 1:
            seen, whose = seen.derived(first_layer), "a step of the first layer, run alone,"
            try:
                values = seen.values(self.stage, self.candidate)
            except CandidateError:
                return {}
        wrong, check = first_wrong_step(seen, self.stage, values.tensors["output"]), found["output"]
        if wrong is None:
            return {}
        reason = f"from the candidate's own state before it, {whose} is not what the equations give; {check.reason}"
        told = {"output": replace(_mismatch(check, Cause.WRONG_STEP, reason), first_divergence=wrong)}
        for name in self.problem.case.cell.final:
            if name in found and found[name].verdict == Verdict.MATCH:
                told[name] = _not_comparable(found[name], Cause.WRONG_STEP, "a step before it is wrong")
        return told

    def _by_the_whole_run(self, check: Check) -> dict[str, Check]:
        """Return what the values of the whole run, and not those of a shorter input, still show of output.

        Going forward alone, the first steps do not know how long the input is. The values after them follow another
        course than nn.RNN's, but are of its size.
        """
        case, output = self.problem.case, self.values.tensors["output"]
        expected = self.problem.reference(self.stage).tensors["output"]
        if output is None or expected is None or check.verdict != Verdict.MATCH:
            return {}
        if case.rnn.directions == 1 and not self.problem.drops:
            steps = self._longest_clear("output")
            shorter = self.problem.shortened(steps)
            first = Values({"output": in_layout(shorter.case, time_first(case, output)[:steps])})
            if is_wrong(stage_checks(shorter, self.stage, self.candidate, first, only=("output",))):
                reason = f"in the run on the whole input its first {steps} steps are others than on these alone"
                return {"output": _mismatch(check, Cause.VALUES, _joined(reason, check.reason))}
        if case.rnn.nonlinearity != "relu" and output.numel() >= MANY:
            size, usual = (value.double().square().mean().sqrt().item() for value in (output, expected))
            if not usual / ANOTHER_SIZE < size < usual * ANOTHER_SIZE:
                reason = f"over the whole input its values are of size {size:.1e}, {case.cell.layer}'s of {usual:.1e}"
                return {"output": _not_comparable(check, Cause.AMPLIFIED, _joined(reason, check.reason))}
        return {}

    # -- where a relu is at its kink -----------------------------------------------------------------------------------

    def _off_the_kink(self, checks: dict[str, Check]) -> dict[str, Check]:
        problem, case = self.problem, self.problem.case
        kinks = problem.oracle(self.stage).envelope(problem.kind(self.stage)).kinks
        near = f"{kinks} pre-activation{'s' if kinks > 1 else ''} of this probe within rounding of relu's kink"
        worth_redrawing = kinks <= HOPELESS and _pre_activations(case) <= MOST_REDRAWN
        redrawn = self._clear_draw(case, range(1, 1 + ATTEMPTS)) if worth_redrawing else None
        other = redrawn or self._clear_draw(_reduced(case), range(ATTEMPTS))
        if other is None:
            reason = f"{near}, and no draw found clears it: float64 decides"
            return {name: replace(check, reason=reason) for name, check in checks.items()}
        sizes = f"T={other.case.input.seq_len}, H={other.case.rnn.hidden_size}"
        where = f"{near}: judged on {'another draw' if redrawn else f'a smaller probe ({sizes})'}"
        found = {}
        for check in stage_checks(other, self.stage, self.candidate, only=checks):
            if check.verdict == Verdict.MATCH and not redrawn:
                reason = f"{near}; on a smaller probe that clears it ({sizes}) the gradients match"
                found[check.tensor] = replace(checks[check.tensor], reason=reason)
            else:
                found[check.tensor] = replace(check, reason=_joined(check.reason, where))
        return found

    def _clear_draw(self, case: Case, attempts: Iterable[int]) -> Problem | None:
        """Return the case on the first draw of a probe that keeps every relu off its kink, or None."""

        def first_clear() -> Problem | None:
            drawn = (Problem(case, self.problem.device, self.problem.policy, draw(case, n)) for n in attempts)
            kind = self.problem.kind(self.stage)
            return next((problem for problem in drawn if not problem.oracle(self.stage).kinks(kind)), None)

        return self.problem.remembered(("off the kink", self.stage, case.rnn, case.input), first_clear)


def _not_comparable(check: Check, cause: Cause, reason: str) -> Check:
    return replace(check, verdict=Verdict.NOT_COMPARABLE, cause=cause, reason=reason)


def _mismatch(check: Check, cause: Cause, reason: str) -> Check:
    return replace(check, verdict=Verdict.MISMATCH, cause=cause, reason=reason)


def _joined(*reasons: str | None) -> str:
    return "; ".join(reason for reason in reasons if reason)


def _reduced(case: Case) -> Case:
    """Return the case with at most about FEW pre-activations: as many steps as possible, then units, then sequences."""
    left = max(1, FEW // (case.rnn.num_layers * case.rnn.directions))
    steps = min(case.input.seq_len, 4, left)
    hidden_size = min(case.rnn.hidden_size, max(1, left // steps))
    batch_size = min(case.input.batch_size, max(1, left // (steps * hidden_size)), 3)
    lengths = case.input.sequence_lengths[:batch_size] if case.input.layout == "packed" else None
    if lengths:  # in the same order, and as unequal as they were
        ranks = sorted(set(lengths), reverse=True)
        lengths = tuple(max(1, steps - ranks.index(length)) for length in lengths)
    given = {"seq_len": steps, "batch_size": batch_size, "lengths": lengths}
    return altered(case, rnn={"hidden_size": hidden_size, "input_size": min(case.rnn.input_size, 5)}, input=given)


def _pre_activations(case: Case) -> int:
    batch_size = 1 if case.input.layout == "unbatched" else case.input.batch_size
    return case.input.seq_len * batch_size * case.rnn.hidden_size * case.rnn.num_layers * case.rnn.directions
