"""One candidate on one case: both stages, and what it does when it is called again, for one sequence, without h_0.

What the noise envelope of a stage leaves open goes to `settle`, dropout masks that are not nn.RNN's to `dropout`.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from rnncli.candidate.load import Canonical
from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError
from rnncli.core.records import Check, Stage, Verdict
from rnncli.numerics.noise import arithmetic
from rnncli.numerics.oracle import Oracle
from rnncli.numerics.probe import (
    Probe,
    draw,
    equal_sizes,
    first_sequence,
    in_layout,
    of_first_sequence,
    time_first,
    without_h_0,
)
from rnncli.numerics.reference import built
from rnncli.verdict import dropout
from rnncli.verdict.compare import SAME_IN_FLOAT64, Policy, Sides, allowed_by_step, compare, what_the_size_tells
from rnncli.verdict.evaluate import (
    Candidate,
    Side,
    Values,
    candidate_side,
    evaluate,
    has_values,
    reference_side,
    regimes,
    regimes_by,
    values_by,
)
from rnncli.verdict.inconclusive import settled
from rnncli.verdict.one_step import error_of_a_step

ENVELOPE = Policy()
# Errors below this share of the largest value may be float32 inside float64 work: its unit roundoff is 6e-8, and the
# longest recurrences of the tests grow it a hundredfold.
FLOAT32_IN_FLOAT64 = 1e-4
REGIMES_AGREE = {torch.float64: 1e-8, torch.float32: 1e-3}  # of the largest value; see `_in_other_regimes`
LARGE_INPUTS, LARGE_WEIGHTS = 3.0, 10.0  # times the probe's values: weights above 1, sums of some tens
MOST_STEPS, MOST_SEQUENCES = 16, 3  # of the probe of the regimes
Finding = tuple[str, str] | None  # the tensor it shows in, and the reason


@dataclass(frozen=True)
class Judgement:
    """The checks, and the values they rest on: nn.RNN's and the candidate's in the working dtype."""

    checks: tuple[Check, ...]
    reference: Values
    candidate: Values
    downcast: str | None = None  # what makes float32 tensors in the middle of float64 work, and where

    @property
    def mismatch(self) -> Check | None:
        """The first check that is a mismatch."""
        return next((check for check in self.checks if check.verdict == Verdict.MISMATCH), None)


class Judge:
    """A case with its probe. What nn.RNN and the oracle make of it is worked out once, for any number of candidates."""

    def __init__(
        self,
        case: Case,
        device: torch.device,
        policy: Policy = ENVELOPE,
        probe: Probe | None = None,
        reference: Values | None = None,
    ) -> None:
        """`probe`: in float64, else drawn from the case's seed. `reference`: nn.RNN's values on it, if known."""
        self.case, self.device, self.policy = case, device, policy
        self.dtype: torch.dtype = getattr(torch, case.run.dtype)
        self.probe = (draw(case) if probe is None else probe).to(torch.float64, device)
        self._others: dict[object, Judge | None] = {}
        self._modules: dict[torch.dtype, nn.RNN] = {}
        self._float32_start: str | None = None
        self._regimes: dict[torch.dtype, dict[str, Tensor | str | None]] = {}
        if reference:
            self._float64_reference = reference

    def judge(self, candidate: Candidate) -> Judgement:
        """Every check of both stages. Raises CandidateError where the candidate's forward does, on any sizes."""
        try:
            in_float64 = self.values("algorithm", candidate)
        except CandidateError as error:
            return self._in_float32(candidate, str(error)) or self._where_sizes_are_equal(candidate, error)
        checks = self.checks("algorithm", candidate, in_float64)
        if is_wrong(checks) and self._looks_like_float32(checks):
            narrow = self._in_float32(candidate, None, in_float64)
            if narrow is not None:
                return narrow
        masks = dropout.own_masks(self, candidate, checks)
        checks = dropout.without_values(checks, masks) if masks else checks
        if not is_wrong(checks):
            checks = self._conduct(candidate, checks, in_float64)
            checks = self._without_h_0_in_its_dtype(candidate, checks)
        downcast = self._downcast(candidate) or self._float32_start
        if downcast and self.dtype == torch.float64:
            checks = tuple(
                replace(check, verdict=Verdict.MISMATCH, reason=f"{downcast} (downcast-float32)")
                if check.tensor == "output" and check.verdict != Verdict.MISMATCH
                else check
                for check in checks
            )
        checks = self.with_size(candidate, checks)
        values = in_float64 if self.dtype == torch.float64 else self.values("precision", candidate)
        precise = self.checks("precision", candidate, values, same_algorithm=not is_wrong(checks))
        checks += dropout.without_values(precise, masks) if masks else precise
        return Judgement(checks, self.reference("precision"), values, downcast)

    def first_mismatch(self, candidate: Candidate) -> Check | None:
        """The first check that is a mismatch, with no more work than it takes. Raises as `judge` does."""
        try:
            in_float64 = self.values("algorithm", candidate)
        except CandidateError as error:
            return (self._in_float32(candidate, str(error)) or self._where_sizes_are_equal(candidate, error)).mismatch
        checks = self.checks("algorithm", candidate, in_float64)
        if is_wrong(checks) and self._looks_like_float32(checks):
            narrow = self._in_float32(candidate, None, in_float64)
            if narrow is not None:
                return narrow.mismatch
        if not is_wrong(checks):
            checks = self._conduct(candidate, checks, in_float64)
        elif dropout.own_masks(self, candidate, checks):
            return None
        if not is_wrong(checks) and self.dtype != torch.float64:
            checks = self.checks("precision", candidate)
        return next((check for check in checks if check.verdict == Verdict.MISMATCH), None)

    # -- a stage -------------------------------------------------------------------------------------------------------

    def checks(
        self,
        stage: Stage,
        candidate: Candidate,
        values: Values | None = None,
        same_algorithm: bool = True,
        only: Container[str] | None = None,
    ) -> tuple[Check, ...]:
        """The checks of one stage, of all tensors or some, on values the candidate gave or now gives."""
        reference, oracle = self.reference(stage), self.oracle(stage)
        values = self.values(stage, candidate) if values is None else values
        sides = Sides(
            case=self.case,
            stage=stage,
            reference=reference,
            candidate=values,
            expected=reference.tensors if stage == "algorithm" else oracle.values,
            envelope=oracle.envelope,
            policy=self.policy,
            same_algorithm=same_algorithm,
        )
        return settled(self, stage, candidate, values, compare(sides, only))

    def with_envelopes(self, checks: tuple[Check, ...]) -> tuple[Check, ...]:
        """The checks, those of output with what the envelope allows over time, also where no verdict needed it."""
        return tuple(self._with_envelope(check) for check in checks)

    def _with_envelope(self, check: Check) -> Check:
        over_time, known = check.error_by_step, check.allowed_by_step
        if not over_time or known or check.policy != "envelope":
            return check
        allowed = allowed_by_step(self.oracle(check.stage).envelope(self.kind(check.stage)).spread["output"])
        of_as_many_steps = len(allowed["forward"]) == len(over_time["forward"])
        return replace(check, allowed_by_step=allowed) if of_as_many_steps else check

    def with_size(self, candidate: Candidate, checks: tuple[Check, ...]) -> tuple[Check, ...]:
        """The checks of the algorithm stage, a large error of output looked at again where nothing amplifies it.

        In one step of one layer even weights rounded to bfloat16 err by little. That calls the candidate.
        """
        large = f": {what_the_size_tells(1.0)}"
        found = next(
            (check for check in checks if check.tensor == "output" and (check.reason or "").endswith(large)), None
        )
        if found is None or found.reason is None:
            return checks
        error = error_of_a_step(self.case, self.probe, self.oracle("algorithm"), candidate)
        if not SAME_IN_FLOAT64 < error < 1:  # right in one step: it is how steps are put together
            return checks
        reason = f"{found.reason.removesuffix(large)}: {what_the_size_tells(error)}"
        return tuple(replace(check, reason=reason) if check is found else check for check in checks)

    def values(self, stage: Stage, candidate: Candidate) -> Values:
        """What the candidate computes at a stage. Raises CandidateError."""
        return values_by(candidate, self.case, self.probe_at(stage))

    def reference(self, stage: Stage) -> Values:
        """What nn.RNN computes at a stage."""
        return self._float64_reference if self._in_float64(stage) else self._working_reference

    def oracle(self, stage: Stage) -> Oracle:
        """The oracle on the values the stage computes with: rounded to the working dtype at the precision stage."""
        return self._float64_oracle if self._in_float64(stage) else self._working_oracle

    def kind(self, stage: Stage) -> str:
        """The arithmetic of a stage: a key of ARITHMETIC."""
        return "float64" if stage == "algorithm" else arithmetic(self.case, self.dtype, self.device)

    def reference_side(self) -> Side:
        """nn.RNN in the working dtype, ready to run."""
        return self._reference_side(self._working_probe)

    def candidate_side(self, candidate: Canonical) -> Side:
        """The candidate in the working dtype, ready to run."""
        return candidate_side(candidate, self.case, self._working_probe)

    def other(
        self, key: object, make: Callable[[], tuple[Case, Probe] | tuple[Case, Probe, Values | None] | None]
    ) -> "Judge | None":
        """The judge of another case made from this one, kept for the next candidate; None where there is none."""
        if key not in self._others:
            made = make()
            self._others[key] = judge = Judge(made[0], self.device, self.policy, *made[1:]) if made else None
            if judge and judge.probe.parameters is self.probe.parameters and judge.case.rnn == self.case.rnn:
                judge._modules = self._modules
        return self._others[key]

    def _in_float64(self, stage: Stage) -> bool:
        return stage == "algorithm" or self.dtype == torch.float64

    def probe_at(self, stage: Stage) -> Probe:
        """The values both sides are given at a stage."""
        return self.probe if stage == "algorithm" else self._working_probe

    @cached_property
    def _working_probe(self) -> Probe:
        return self.probe.to(self.dtype, self.device)

    @cached_property
    def _float64_reference(self) -> Values:
        return evaluate(self._reference_side(self.probe), self.case)

    @cached_property
    def _working_reference(self) -> Values:
        return evaluate(self._reference_side(self._working_probe), self.case)

    def _reference_side(self, probe: Probe) -> Side:
        """nn.RNN with the probe in it: one module serves all cases made from this one that have its weights."""
        dtype = probe.input.dtype
        if dtype not in self._modules:
            self._modules[dtype] = built(self.case, probe)
        return reference_side(self.case, probe, self._modules[dtype])

    @cached_property
    def _float64_oracle(self) -> Oracle:
        return Oracle(self.case, self.probe)

    @cached_property
    def _working_oracle(self) -> Oracle:
        return Oracle(self.case, self._working_probe.to(torch.float64, self.device))

    # -- conduct -------------------------------------------------------------------------------------------------------

    def _conduct(self, candidate: Candidate, checks: tuple[Check, ...], in_float64: Values) -> tuple[Check, ...]:
        """The checks of the algorithm stage after two further calls: with other weights, and with one sequence."""
        finding = self._called_again(candidate) or self._with_one_sequence(candidate) or _overwritten(in_float64)
        finding = finding or self._in_other_regimes(candidate)
        if finding is None:
            return checks
        return self._with_finding(checks, finding)

    @staticmethod
    def _with_finding(checks: tuple[Check, ...], finding: tuple[str, str]) -> tuple[Check, ...]:
        tensor, reason = finding
        if not any(check.tensor == tensor for check in checks):
            tensor = checks[0].tensor
        return tuple(
            replace(check, verdict=Verdict.MISMATCH, reason=reason) if check.tensor == tensor else check
            for check in checks
        )

    def _called_again(self, candidate: Candidate) -> Finding:
        """Other weights, without h_0: what is kept of the first call shows, and an h_0 that is not zeros where it is
        omitted. A candidate need not take that; then with h_0. The oracle stands for nn.RNN, which would be built anew.
        """
        other = replace(self.probe, parameters={name: -value for name, value in self.probe.parameters.items()})
        judge = self._against_oracle("other weights, no h_0", lambda: without_h_0(self.case, other))
        try:
            values = judge.values("algorithm", candidate)
        except CandidateError as error:
            if getattr(candidate, "h_0_may_be_omitted", False) and not self._starts_in_float32(candidate):
                raise CandidateError(f"{error} (h_0 is omitted, as its signature allows)", error.trace) from error
            judge = self._against_oracle("other weights", lambda: (self.case, other))
            values = judge.values("algorithm", candidate)
        found = judge.wrong(candidate, values)
        if found is None and not _moves(self.reference("algorithm")):  # a state of zeros that is kept does not show
            values = judge.values("algorithm", candidate)
            found = judge.wrong(candidate, values)
        if found is None:
            return None
        return self._why_another_call_differs(candidate) or judge.wrong(
            candidate, values, "called with other weights (something of the first call is kept)"
        )

    def _starts_in_float32(self, candidate: Candidate) -> bool:
        """Whether a candidate that raises in float64 without h_0 runs without it in a narrower working dtype."""
        if self.dtype == torch.float64:
            return False
        case, probe = without_h_0(altered(self.case, run={"gradients": False, "train": False}), self._working_probe)
        try:
            values_by(candidate, case, probe)
        except CandidateError:
            return False
        self._float32_start = "it starts in float32 where h_0 is omitted"
        return True

    def _why_another_call_differs(self, candidate: Candidate) -> Finding:
        """What a call with the first one's own values shows, with h_0 and without."""
        again = self._forward_alone("again", lambda: (self.case, self.probe), lambda _: self._known)
        values, once_more = again.values("algorithm", candidate), again.values("algorithm", candidate)
        leaks = not (_same(values, once_more) and (self.case.run.train or self.case.run.gradients))
        when = "called again with the same input (state-leaks-between-calls)"
        found = again.wrong(candidate, values, when if leaks else "called in eval mode and without gradients")
        if found or self.case.input.h_0 == "omitted":
            return found
        without = self._forward_alone("no h_0", lambda: without_h_0(self.case, self.probe))
        try:
            values, once_more = without.values("algorithm", candidate), without.values("algorithm", candidate)
        except CandidateError:
            return None
        same = _same(values, once_more)
        when = "called without h_0" if same else "called again, without h_0 (state-leaks-between-calls)"
        return without.wrong(candidate, values, when)

    def _with_one_sequence(self, candidate: Candidate) -> Finding:
        if self.case.input.layout == "unbatched" or self.case.input.batch_size < 2:
            return None
        when = "given the first sequence alone (N = 1)"

        def known(alone: Case) -> Values | None:
            return Values(of_first_sequence(self.case, alone, self._known.tensors)) if self._known else None

        alone = self._forward_alone("alone", lambda: first_sequence(self.case, self.probe), known)
        try:
            return alone.wrong(candidate, alone.values("algorithm", candidate), when)
        except CandidateError as error:
            return "output", f"{when}: {error}"

    def _without_h_0_in_its_dtype(self, candidate: Candidate, checks: tuple[Check, ...]) -> tuple[Check, ...]:
        """Two calls without h_0 in the working dtype: a start in another dtype, or one that is kept, shows there alone.

        Raises as the calls do.
        """
        if self.dtype == torch.float64 or not getattr(candidate, "h_0_may_be_omitted", False):
            return checks
        case, probe = without_h_0(altered(self.case, run={"gradients": False, "train": False}), self.probe)
        judge = Judge(case, self.device, self.policy, probe)
        for _ in range(2):
            try:
                found = judge.checks("precision", candidate, same_algorithm=False)
            except CandidateError as error:
                raise CandidateError(f"{error} (h_0 is omitted, as its signature allows)", error.trace) from error
            for check in found:
                if check.verdict == Verdict.MISMATCH:
                    return self._with_finding(
                        checks, (check.tensor, f"called without h_0: {check.reason or 'other values'}")
                    )
        return checks

    def _in_other_regimes(self, candidate: Candidate, dtype: torch.dtype = torch.float64) -> Finding:
        """The first difference to nn.RNN in another regime than one call with everything: see `regimes`.

        On a small probe that no recurrence amplifies, where 1e-8 of the largest value is far above rounding. A built-in
        candidate is not asked: its tests do.
        """
        if callable(candidate):
            return None
        small = _of_regimes(self.case)
        probe = _with_a_pause(small, draw(small)).to(dtype, self.device)
        if dtype not in self._regimes:
            self._regimes[dtype] = regimes(reference_side(small, probe), small)
        try:
            found = regimes_by(candidate, small, probe)
        except CandidateError as error:
            return "output", str(error)
        return _first_other(self._regimes[dtype], found, REGIMES_AGREE[dtype]) or (
            self._with_large_values(candidate) if dtype == torch.float64 else None
        )

    def _with_large_values(self, candidate: Candidate) -> Finding:
        """Two steps with values far beyond the probe's, where a clamp or a saturation shows; forward alone."""
        case = altered(_of_regimes(self.case), run={"gradients": False})
        steps = min(2, case.input.seq_len)
        lengths = tuple(min(length, steps) for length in case.input.sequence_lengths)
        case = altered(case, input={"seq_len": steps} | ({"lengths": lengths} if case.input.layout == "packed" else {}))
        drawn = draw(case)
        probe = replace(
            drawn,
            input=drawn.input * LARGE_INPUTS,
            h_0=None if drawn.h_0 is None else drawn.h_0 * LARGE_INPUTS,
            parameters={name: value * LARGE_WEIGHTS for name, value in drawn.parameters.items()},
        )
        judge = Judge(case, self.device, self.policy, probe)
        try:
            values = judge.values("algorithm", candidate)
        except CandidateError as error:
            return "output", str(error)
        if any(value is not None and not value.isfinite().all() for value in values.tensors.values()):
            return None  # an overflow of its own, as of tanh written with exp; the case's values decide
        return judge.wrong(candidate, values, "given weights that are 10 times as large")

    def _against_oracle(self, key: str, make: Callable[[], tuple[Case, Probe]]) -> "Judge":
        """`_forward_alone` with the oracle's values for nn.RNN's."""

        def known(case: Case) -> Values:
            return Values(dict(Oracle(case, make()[1]).values))

        return self._forward_alone(key, make, known)

    def _forward_alone(
        self,
        key: str,
        make: Callable[[], tuple[Case, Probe]],
        known: Callable[[Case], Values | None] = lambda _: None,
    ) -> "Judge":
        """The judge of a call in float64, without gradients and dropout."""

        def forward_alone() -> tuple[Case, Probe, Values | None]:
            case, probe = make()
            case = altered(case, run={"gradients": False, "train": False})
            return case, probe, known(case)

        judge = self.other(key, forward_alone)
        assert judge is not None
        return judge

    def wrong(self, candidate: Candidate, values: Values, when: str = "") -> Finding:
        """The first tensor that is a mismatch in the algorithm stage, and the reason, said of a call."""
        for check in self.checks("algorithm", candidate, values):
            if check.verdict == Verdict.MISMATCH:
                return check.tensor, f"{when}: {check.reason or 'other values'}"
        return None

    @property
    def _known(self) -> Values | None:
        """output and h_n of nn.RNN in float64, where dropout does not change them."""
        if self.case.run.train and self.case.rnn.dropout:
            return None
        tensors = self.reference("algorithm").tensors
        return Values({name: tensors[name] for name in ("output", "h_n")})

    # -- candidates that float64 does not reach ------------------------------------------------------------------------

    def _downcast(self, candidate: Candidate) -> str | None:
        """What a candidate makes in float32 where torch's default dtype is left at that, and at which line.

        Right in float32, and so a finding: it changes the verdict of a case in float64 alone.
        """
        if callable(candidate):
            return None
        forward = altered(self.case, run={"gradients": False, "train": False})
        try:
            plain = candidate.evaluate(forward, self.probe, plain=True)
            expected = candidate.evaluate(forward, self.probe)
        except CandidateError as error:
            raised = str(error).partition(": ")[2]
            line = self._float32_line(candidate, plain=True)
            return f"{line} makes a float32 tensor: in float64 {raised}" if line else None
        if _equal(plain, expected):
            return None
        line = self._float32_line(candidate, plain=True)
        return f"{line} makes a float32 tensor in the middle of float64 work" if line else None

    def _float32_line(self, candidate: Candidate, plain: bool) -> str | None:
        try:
            line: str | None = candidate.float32_made(self.case, self.probe, plain)  # type: ignore[union-attr]
        except (AttributeError, CandidateError):
            return None
        return line

    def _looks_like_float32(self, checks: tuple[Check, ...]) -> bool:
        """Whether what is wrong in float64 has the size of float32's rounding, or its dtype."""
        wrong = [check for check in checks if check.verdict == Verdict.MISMATCH and check.tensor in ("output", "h_n")]
        if not wrong:
            return False
        of_dtype = all("dtype float32" in (check.reason or "") for check in wrong)
        small = all(check.min_tolerance is not None and check.min_tolerance < FLOAT32_IN_FLOAT64 for check in wrong)
        return of_dtype or small

    def _in_float32(
        self, candidate: Candidate, raised: str | None, in_float64: Values | None = None
    ) -> Judgement | None:
        """A candidate that casts by itself is held to float32's envelope, and in a float64 case is a mismatch.

        None where it does not run in float32 either, or where nothing in it is cast.
        """
        line = None if callable(candidate) else self._float32_line(candidate, plain=False)
        returned = [in_float64.tensors[name] for name in ("output", "h_n")] if in_float64 else []
        cast = not callable(candidate) and any(value is not None and value.dtype == torch.float32 for value in returned)
        cast = cast or getattr(candidate, "computes_with_numpy", False)
        if raised is None and line is None and not cast:
            return None
        told = f"{line or 'the candidate'} casts to float32 in the middle of float64 work"
        told += f": {raised.partition(': ')[2]}" if raised else ""
        if self.dtype == torch.float64:
            if raised and line is None:
                return None
            check = self._raised(f"{told} (downcast-float32)")
            return Judgement((check,), self.reference("precision"), Values(), told)
        try:
            values = self.values("precision", candidate)
        except CandidateError:
            return None
        checks = self.checks("precision", candidate, values, same_algorithm=self.dtype == torch.float32)
        if not is_wrong(checks):
            finding = self._with_one_sequence_in_float32(candidate)
            finding = finding or self._in_other_regimes(candidate, torch.float32)
            checks = self._with_finding(checks, finding) if finding else checks
            checks = self._without_h_0_in_its_dtype(candidate, checks)
        return Judgement(checks, self.reference("precision"), values, told)

    def _with_one_sequence_in_float32(self, candidate: Candidate) -> Finding:
        if self.case.input.layout == "unbatched" or self.case.input.batch_size < 2:
            return None
        case, probe = first_sequence(self.case, self.probe)
        judge = Judge(altered(case, run={"gradients": False, "train": False}), self.device, self.policy, probe)
        try:
            for check in judge.checks("precision", candidate, same_algorithm=False):
                if check.verdict == Verdict.MISMATCH:
                    return check.tensor, f"given the first sequence alone (N = 1): {check.reason or 'other values'}"
        except CandidateError as error:
            return "output", f"given the first sequence alone (N = 1): {error}"
        return None

    def _where_sizes_are_equal(self, candidate: Candidate, error: CandidateError) -> Judgement:
        """A candidate that raises is wrong where it runs at equal sizes. Raises the error where it does not."""
        runs = "where sizes are equal: an axis or a weight is transposed or taken for another"
        one_layer = altered(self.case, rnn={"num_layers": 1})
        for case in equal_sizes(self.case):
            if not self._runs(case, candidate):
                continue
            if case.rnn.num_layers < self.case.rnn.num_layers and self._runs(one_layer, candidate):
                runs = "with num_layers 1"
            return Judgement((self._raised(f"{error}; it runs {runs}"),), self.reference("precision"), Values())
        raise error

    def _runs(self, case: Case, candidate: Candidate) -> bool:
        try:
            Judge(case, self.device).values("algorithm", candidate)
        except CandidateError:
            return False
        return True

    def _raised(self, reason: str) -> Check:
        return Check(
            tensor="output",
            stage="algorithm",
            dtype="float64",
            verdict=Verdict.MISMATCH,
            policy="envelope",
            reason=reason,
        )


def _of_regimes(case: Case) -> Case:
    """The case at a size that costs little, and at a scale that amplifies nothing; dropout off."""
    given: dict[str, object] = {"seq_len": min(case.input.seq_len, MOST_STEPS)}
    if case.input.layout != "unbatched":
        given["batch_size"] = min(case.input.batch_size, MOST_SEQUENCES)
    if case.input.layout == "packed":
        lengths = tuple(min(length, MOST_STEPS) for length in case.input.sequence_lengths[:MOST_SEQUENCES])
        given |= {"lengths": lengths, "seq_len": max(lengths)}
    return altered(case, input=given, run={"weight_scale": min(1.0, case.run.weight_scale), "train": False})


def _with_a_pause(case: Case, probe: Probe) -> Probe:
    """The probe with a step of zeros and a repeated one, which some take for padding."""
    x = time_first(case, probe.input).clone()
    if len(x) > 1:
        x[1] = 0.0
    if len(x) > 3:
        x[3] = x[2]
    return replace(probe, input=in_layout(case, x))


def _first_other(
    expected: dict[str, Tensor | str | None], found: dict[str, Tensor | str | None], tolerance: float
) -> Finding:
    """The first tensor of a regime that is not nn.RNN's, and the regime."""
    for key, value in found.items():
        way, _, name = key.partition(": ")
        tensor = name.partition(" of the ")[0] or "output"
        if isinstance(value, str):
            return "grad input" if "backward" in value else tensor, f"{way}, {value}"
        wanted = expected.get(key)
        if not isinstance(wanted, Tensor) or (value is None and tensor in ("output", "h_n")):
            continue
        if value is None:
            return tensor, f"{way}: no gradient reaches it"
        if value.shape != wanted.shape:
            return tensor, f"{way}: shape {tuple(value.shape)}, expected {tuple(wanted.shape)}"
        if not has_values(value):
            return tensor, f"{way}: {'on meta' if value.is_meta else value.layout}"
        allowed = tolerance * (wanted.abs().max().item() or 1.0)
        error = (value.double() - wanted.double()).abs().max().item() if value.numel() else 0.0
        if not error <= allowed:
            if way != "called ten times":
                return tensor, f"{way}: an error of {error:.1e}"
            if (value.double() - value[:1].double()).abs().max().item() <= allowed:
                return tensor, f"given a step of zeros and a repeated one: an error of {error:.1e}"
            return tensor, f"{way}: an error of {error:.1e} (state-leaks-between-calls)"
    return None


def is_wrong(checks: tuple[Check, ...]) -> bool:
    """Whether any check is a mismatch."""
    return any(check.verdict == Verdict.MISMATCH for check in checks)


def _overwritten(values: Values) -> Finding:
    name = values.overwritten
    return (name, f"a later call overwrites the {name} that this one returned") if name else None


def _moves(values: Values) -> bool:
    """Whether any final state is not zero."""
    h_n = values.tensors["h_n"]
    return h_n is None or bool(h_n.any())


def _equal(values: Values, others: Values) -> bool:
    """Whether two calls returned the same tensors, dtype included."""
    for name in ("output", "h_n"):
        one, other = values.tensors[name], others.tensors[name]
        if (one is None) != (other is None):
            return False
        if one is None or other is None:
            continue
        if (one.shape, one.dtype) != (other.shape, other.dtype):
            return False
        if not (has_values(one) and has_values(other)):
            continue
        if not torch.allclose(one, other, rtol=1e-9, atol=1e-12, equal_nan=True):
            return False
    return True


def _same(values: Values, others: Values) -> bool:
    """Whether two calls gave the same output and h_n, to rounding."""
    for name in ("output", "h_n"):
        one, other = values.tensors[name], others.tensors[name]
        if one is None or other is None or (one.shape, one.dtype) != (other.shape, other.dtype):
            return False
        if not (has_values(one) and has_values(other)):
            continue
        if not torch.allclose(one, other, rtol=1e-9, atol=1e-12, equal_nan=True):
            return False
    return True
