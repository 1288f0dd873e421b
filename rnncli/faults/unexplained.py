"""What can be said of a candidate whose values no fault of the catalogue gives, and where to look for its mistake."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch

from rnncli.core.case import Case, Changes, altered, as_flags, changed_by
from rnncli.core.causes import FURTHER_CALLS, UNEXPLAINED, Cause
from rnncli.core.errors import CandidateError
from rnncli.core.records import Check, Diagnosis, Verdict
from rnncli.core.words import covered, joined
from rnncli.faults.trial import Trial, forward_alone, small_case
from rnncli.numerics.probe import Probe, draw, results
from rnncli.verdict.evaluate import Candidate, same_results
from rnncli.verdict.problem import Problem
from rnncli.verdict.stage import is_wrong, stage_checks

_SIMPLEST = {"rnn.num_layers": 1, "rnn.bidirectional": False, "rnn.bias": False, "rnn.nonlinearity": "tanh"}
_SIMPLEST |= {"rnn.batch_first": False, "input.layout": "batched", "input.h_0": "omitted", "run.train": False}
_SIMPLEST |= {"input.seq_len": 1, "rnn.proj_size": 0}
_OF_AXIS = {"L": "steps output holds, the first and the last", "D*H_out": "features each step of output holds"}


class Hint(NamedTuple):
    """An observation. `fix`: what to do about it, or where to look; `is_last`: nothing else needs to be observed."""

    said: str = ""
    fix: str = ""
    is_last: bool = False


class Unexplained:
    """A wrong candidate, its checks, and a trial on a small case."""

    def __init__(
        self, case: Case, device: torch.device, candidate: Candidate, checks: Sequence[Check], trial: Trial
    ) -> None:
        self.case, self.device, self.candidate, self.trial = case, device, candidate, trial
        self.wrong = [check for check in checks if check.verdict == Verdict.MISMATCH]
        stage = self.wrong[0].stage
        self.right = [one.tensor for one in checks if one.verdict == Verdict.MATCH and one.stage == stage]
        self.names = list(dict.fromkeys(check.tensor for check in self.wrong))

    def diagnosis(self) -> Diagnosis:
        """Return all that was observed, and the last place to look at that an observation names."""
        said = [f"no fault of the catalogue, and no two of them, give its values; wrong: {covered(self.names)}"]
        fix = "compare what a step computes with the equation, from h_0 on"
        for hint in self._hints():
            said += [hint.said] if hint.said else []
            fix = hint.fix or fix
            if hint.is_last:
                break
        return Diagnosis(id=UNEXPLAINED, evidence="; ".join(said), fix=fix)

    def _hints(self) -> Iterator[Hint]:
        """Yield observations in the order in which they are told; a later one knows a better place to look at."""
        yield from self._of_values_elsewhere()
        yield from self._of_the_first_wrong_step()
        yield from self._of_the_dtype()
        yield from self._of_draws()
        yield from self._of_the_wrong_tensors()
        yield from self._of_further_calls()
        yield from self._of_layers()
        yield from self._of_simpler_cases()

    def _of_values_elsewhere(self) -> Iterator[Hint]:
        """Yield that torch's values are there: in other axes, in another result, or added up."""
        layer, exchanged = self.case.cell.layer, self.trial.in_other_axes()
        fix = "; ".join(f"return {name} as ({', '.join(axes)})" for name, (_, axes) in exchanged.items())
        others = self.trial.in_place_of_others()
        if exchanged:
            nothing_else = all(name in exchanged or name.startswith("grad ") for name in self.names)
            found = (f"{name} has {layer}'s values as ({', '.join(seen)})" for name, (seen, _) in exchanged.items())
            yield Hint("; ".join(found), fix if nothing_else else "", nothing_else)
        if others:
            found = (f"{name} has the values of {layer}'s {other}" for name, other in others.items())
            yield Hint("; ".join(found), f"return {', '.join(results(self.case))}, in this order", True)
        if ignored := self.trial.argument_without_effect():
            fix = f"run as many {'layers' if ignored == 'num_layers' else 'directions'} as {ignored} says"
            yield Hint(f"output is what it is without {ignored}: the argument has no effect", fix, True)
        if made := self.trial.directions_made_one():
            fix = "join both directions: torch.cat([forward, reverse], -1)"
            yield Hint(f"output is {made} of its two directions", fix, True)

    def _of_the_first_wrong_step(self) -> Iterator[Hint]:
        first = next((check.first_divergence for check in self.wrong if check.tensor == "output"), None)
        if first is not None and first.time is not None:
            otherwise = first.time > 0 and first.direction == "forward"
            fix = f"look at what step {first.time} does otherwise than those before it" if otherwise else ""
            yield Hint(f"output is wrong from step {first.time} of the {first.direction} direction on", fix)

    def _of_the_dtype(self) -> Iterator[Hint]:
        first = self.wrong[0]
        if first.stage == "precision" and first.dtype != "float64":
            where = "asks for the dtype, is cast or kept in a narrower one, or cancels, as in a tanh written with exp"
            yield Hint(f"right in float64, wrong in {first.dtype}", f"look at what {where}", True)

    def _of_draws(self) -> Iterator[Hint]:
        small, probe = forward_alone(self.case, self.device)
        if self._draws(small, probe):
            where = "draws at random: dropout or noise that is always on, or weights of its own"
            yield Hint("with another seed it gives other values", f"look at what {where}")
        elif self._drops and not self._draws(altered(small, run={"train": True}), probe):
            where = "makes its masks: a generator that each call seeds alike, or masks that are kept"
            yield Hint("it drops the same elements in every call", f"look at what {where}", True)

    def _of_the_wrong_tensors(self) -> Iterator[Hint]:
        """Yield what it says that gradients alone are wrong, that output has no values, or that h_n alone is wrong."""
        shapeless = [check for check in self.wrong if check.tensor == "output" and check.max_abs_error is None]
        if all(name.startswith("grad ") for name in self.names):
            where = "a backward of its own, detach(), .data, no_grad(), terms that add 0 to the forward"
            fix = f"look at what autograd follows: {where}"
            yield Hint("the forward is right, gradients alone are wrong", fix)
        elif shapeless and shapeless[0].cause == Cause.NOT_FINITE:
            where = "a division by 0, a logarithm or a root of 0 or less, an exp that overflows"
            yield Hint(_of_output(shapeless[0]), f"look at what is not finite: {where}")
        elif shapeless and shapeless[0].cause == Cause.SIZES:
            yield Hint(_of_output(shapeless[0]), "look at the line that raises, and at the sizes that meet there")
        elif shapeless:
            axis = self.trial.axis_of_another_size()
            where = _OF_AXIS.get(axis, "axes the steps of output are stacked along, and its directions joined along")
            yield Hint(_of_output(shapeless[0]), f"look at what {where}")
        elif "output" in self.right and _in_the_first_call(self.wrong, "h_n"):
            fix = "look at what h_n is made from: which step of which layer and direction, in which order"
            yield Hint("output is right: it is the step that h_n comes from, its form or its order", fix)

    def _of_further_calls(self) -> Iterator[Hint]:
        """Yield that the candidate is right at small sizes, or that a call of another kind alone is wrong."""
        first = self.wrong[0]
        if first.reason is None:  # the error of the working dtype alone is too large
            return
        right_where_small = self._is_right(small_case(self.case))
        if right_where_small and not self._is_right(self.case):
            smallest = 1 in (self.case.input.seq_len, self.case.input.batch_size)
            yield Hint(f"right at {'other' if smallest else 'smaller'} sizes")
            yield Hint(first.reason, "look at what depends on the sizes, or on how large values become", True)
        elif right_where_small or first.cause in {*FURTHER_CALLS, Cause.RAISES}:
            yield Hint(first.reason, "look at what the candidate does in that call alone", True)

    def _of_layers(self) -> Iterator[Hint]:
        if layer := self.trial.first_wrong_layer():
            said = f"h_n of layer {layer - 1} is right, that of layer {layer} is wrong"
            yield Hint(said, f"look at what layer {layer} does otherwise than the one below it", True)

    def _of_simpler_cases(self) -> Iterator[Hint]:
        tried = {as_flags(changes): self._is_right_with(changes) for changes in _simpler(self.case)}
        if gone := [flags for flags, is_right in tried.items() if is_right]:
            fix = f"look at what {gone[0]} takes out of the computation"
            yield Hint(f"right with {', or with '.join(gone)}", fix)
        elif told := [flags for flags in tried if "nonlinearity" not in flags]:  # it may be written into it
            yield Hint(f"wrong too with {joined(told)}")

    @property
    def _drops(self) -> bool:
        return self.case.run.train and self.case.rnn.dropout > 0 and self.case.rnn.num_layers > 1

    def _draws(self, case: Case, probe: Probe) -> bool:
        """Return whether two calls with the same values and other seeds differ: something in it is random."""
        try:
            calls = (self.candidate.evaluate(altered(case, run={"seed": seed}), probe) for seed in (1, 2))
            return not same_results(*calls)
        except CandidateError:
            return False

    def _is_right_with(self, changes: Changes) -> bool:
        """Return whether it is right in the case that is changed: in a small one first, which costs little."""
        changed = (changed_by(one, changes) for one in (small_case(self.case), self.case))
        return all(one is not None and self._is_right(one) for one in changed)

    def _is_right(self, case: Case) -> bool:
        """Return whether it is right in two calls: one that keeps something may be right in the first alone."""
        try:
            draws = (Problem(case, self.device, probe=draw(case, attempt)) for attempt in (0, 1))
            return not any(is_wrong(stage_checks(problem, "algorithm", self.candidate)) for problem in draws)
        except CandidateError:
            return False


def _of_output(check: Check) -> str:
    return f"of output: {check.reason or 'no value'}"


def _in_the_first_call(wrong: Iterable[Check], tensor: str) -> bool:
    return any(check.tensor == tensor and check.cause not in FURTHER_CALLS for check in wrong)


def _simpler(case: Case) -> Iterator[Changes]:
    for leaf, simplest in _SIMPLEST.items():
        section, name = leaf.split(".")
        value = getattr(getattr(small_case(case), section), name)
        if value not in (simplest, None):  # an LSTM has no nonlinearity
            yield {leaf: simplest}
