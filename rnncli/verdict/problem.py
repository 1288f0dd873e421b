"""A problem: a case, its probe, and what is true of them."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import torch
from torch import nn

from rnncli.core.case import Case, altered
from rnncli.core.records import Stage
from rnncli.numerics.oracle import Oracle
from rnncli.numerics.probe import (
    Probe,
    draw,
    first_layer,
    first_sequence,
    of_first_sequence,
    results,
    shortened,
    without_states,
)
from rnncli.numerics.reference import built
from rnncli.numerics.rounding import arithmetic
from rnncli.verdict.compare import ENVELOPE, Policy
from rnncli.verdict.evaluate import Candidate, Side, Values, evaluate, reference_side

Value = TypeVar("Value")
Derived = tuple[Case, Probe] | tuple[Case, Probe, Values | None]


class Difference(NamedTuple):
    """A tensor in which a candidate differs from nn.RNN in a further call. `cause`: a Cause, or the id of a fault."""

    tensor: str
    cause: str
    reason: str


class Problem:
    """A case with its probe. What nn.RNN and the oracle make of them is worked out once, on demand, and never changes.

    Problems derived from it (fewer steps, one sequence, without h_0) are kept as well: many candidates may be held
    against one problem.
    """

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
        self._known_reference = reference
        self._modules: dict[torch.dtype, nn.RNNBase] = {}
        self._remembered: dict[object, Any] = {}

    # -- values, by stage ----------------------------------------------------------------------------------------------

    def probe_at(self, stage: Stage) -> Probe:
        """Return the values both sides are given at a stage."""
        return self.probe if stage == "algorithm" else self._working_probe

    def reference(self, stage: Stage) -> Values:
        """Return what nn.RNN computes at a stage."""
        return self._float64_reference if self._in_float64(stage) else self._working_reference

    def oracle(self, stage: Stage) -> Oracle:
        """Return the oracle on the values of a stage: at the precision stage those rounded to the working dtype."""
        return self._float64_oracle if self._in_float64(stage) else self._working_oracle

    def kind(self, stage: Stage) -> str:
        """Return the arithmetic of a stage, a key of ARITHMETIC."""
        return "float64" if stage == "algorithm" else arithmetic(self.case, self.dtype, self.device)

    def values(self, stage: Stage, candidate: Candidate) -> Values:
        """Return what a candidate computes at a stage. Raises CandidateError."""
        return candidate.evaluate(self.case, self.probe_at(stage))

    def reference_side(self) -> Side:
        """Return nn.RNN in the working dtype, ready to run."""
        return self._reference_side(self._working_probe)

    # -- problems made of this one -------------------------------------------------------------------------------------

    def derived(self, key: object, make: Callable[[], Derived]) -> "Problem":
        """Return the problem that `make` describes, which is made once for a key."""
        found = self.derived_if(key, make)
        assert found is not None
        return found

    def derived_if(self, key: object, make: Callable[[], Derived | None]) -> "Problem | None":
        """Return the problem that `make` describes, or None where it finds none, which is made once for a key."""

        def problem() -> Problem | None:
            made = make()
            if made is None:
                return None
            other = Problem(made[0], self.device, self.policy, *made[1:])
            if other.probe.parameters is self.probe.parameters and other.case.rnn == self.case.rnn:
                other._modules = self._modules  # one module serves all problems with its weights
            return other

        return self.remembered(("derived", key), problem)

    def remembered(self, key: object, make: Callable[[], Value]) -> Value:
        """Return what `make` gives, which is made once for a key."""
        if key not in self._remembered:
            self._remembered[key] = make()
        value: Value = self._remembered[key]
        return value

    def shortened(self, steps: int) -> "Problem":
        """Return the problem on the first steps of the input."""
        return self.derived(("steps", steps), lambda: shortened(self.case, self.probe, steps))

    def first_layer(self) -> "Problem":
        """Return the problem of the first layer alone."""
        return self.derived("first layer", lambda: first_layer(self.case, self.probe))

    def forward_alone(self, key: object, make: Callable[[], Derived]) -> "Problem":
        """Return the problem that `make` describes, without gradients and dropout."""

        def without_gradients() -> Derived:
            case, *others = make()
            return (altered(case, run={"gradients": False, "train": False}), *others)

        return self.derived(key, without_gradients)

    def first_sequence(self) -> "Problem":
        """Return the problem of the first sequence of the batch alone, forward. Not for an unbatched input."""

        def make() -> Derived:
            alone, probe = first_sequence(self.case, self.probe)
            whole = self.forward_reference
            known = whole and Values(of_first_sequence(self.case, alone, whole.tensors))
            return alone, probe, known

        return self.forward_alone("first sequence", make)

    def repeated(self) -> "Problem":
        """Return the problem itself, forward alone."""
        return self.forward_alone("repeated", lambda: (self.case, self.probe, self.forward_reference))

    def without_states(self) -> "Problem":
        """Return the problem with the initial states left out, forward alone."""
        return self.forward_alone("without states", lambda: without_states(self.case, self.probe))

    @property
    def forward_reference(self) -> Values | None:
        """Return the reference's results in float64, or None where dropout changes them."""
        if self.case.run.train and self.case.rnn.dropout:
            return None
        return Values({name: self.reference("algorithm").tensors[name] for name in results(self.case)})

    # -- inside --------------------------------------------------------------------------------------------------------

    def _in_float64(self, stage: Stage) -> bool:
        return stage == "algorithm" or self.dtype == torch.float64

    @cached_property
    def _working_probe(self) -> Probe:
        return self.probe.to(self.dtype, self.device)

    @cached_property
    def _float64_reference(self) -> Values:
        return self._known_reference or evaluate(self._reference_side(self.probe), self.case)

    @cached_property
    def _working_reference(self) -> Values:
        return evaluate(self._reference_side(self._working_probe), self.case)

    def _reference_side(self, probe: Probe) -> Side:
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


class Problems:
    """The problem of the last case, kept for the next one where that differs in a built-in candidate alone."""

    def __init__(self) -> None:
        self._last: Problem | None = None

    def of(self, case: Case, device: torch.device, policy: Policy = ENVELOPE) -> Problem:
        """Return the problem of a case."""
        if case.target:
            self._last = None
            return Problem(case, device, policy)
        if self._last is None or self._last.case.model_copy(update={"candidate": case.candidate}) != case:
            self._last = Problem(case, device, policy)
        return self._last
