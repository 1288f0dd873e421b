"""A problem: a case, its probe, and what is true of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError
from rnncli.core.records import Stage
from rnncli.numerics.oracle import Oracle
from rnncli.numerics.probe import Probe, draw, first_sequence, of_first_sequence, results, shortened, without_states
from rnncli.numerics.reference import built
from rnncli.numerics.rounding import arithmetic
from rnncli.verdict.evaluate import Candidate, Side, Values, evaluate, reference_side

Value = TypeVar("Value")
Derived = tuple[Case, Probe] | tuple[Case, Probe, Values]
PolicyName = Literal["envelope", "fixed", "exact"]


@dataclass(frozen=True)
class Policy:
    """The rule that decides at the precision stage; the algorithm stage always rests on the envelope.

    `fixed`: |error| <= atol + rtol * |oracle|, element by element; without numbers those of torch.testing.assert_close.
    `exact`: the reference's values, bit for bit.
    """

    name: PolicyName = "envelope"
    atol: float | None = None
    rtol: float | None = None

    def tolerances(self, dtype: torch.dtype) -> tuple[float, float]:
        """Return atol and rtol of the fixed policy."""
        if self.atol is not None and self.rtol is not None:
            return self.atol, self.rtol
        rtol = {torch.float64: 1e-7, torch.float32: 1.3e-6, torch.bfloat16: 1.6e-2, torch.float16: 1e-3}[dtype]
        return 1e-7 if dtype == torch.float64 else 1e-5, rtol


ENVELOPE = Policy()


def nearly_overflowing(dtype: torch.dtype) -> float:
    """Return the magnitude from which on values are near the largest number of a dtype."""
    return torch.finfo(dtype).max / 16


class Problem:
    """A case with its probe. What nn.RNN and the oracle make of them is worked out once, on demand, and never changes.

    Problems derived from it (fewer steps, one sequence, without h_0) are kept as well: many candidates may be held
    against one problem. At the algorithm stage all values are in float64, at the precision stage in the case's dtype.
    """

    def __init__(
        self,
        case: Case,
        device: torch.device,
        policy: Policy = ENVELOPE,
        probe: Probe | None = None,
        reference: Values | None = None,
    ) -> None:
        """`probe`: in float64, else drawn from the case's seed. `reference`: nn.RNN's values in float64, if known."""
        self.case, self.device, self.policy = case, device, policy
        self.dtype: torch.dtype = getattr(torch, case.run.dtype)
        self.probe = (draw(case) if probe is None else probe).to(torch.float64, device)
        self._modules: dict[torch.dtype, nn.RNNBase] = {}
        self._remembered: dict[object, Any] = {("reference", torch.float64): reference} if reference else {}

    @property
    def drops(self) -> bool:
        """True where dropout changes the values."""
        return self.case.run.train and self.case.rnn.dropout > 0

    # -- values, by stage ----------------------------------------------------------------------------------------------

    def dtype_at(self, stage: Stage) -> torch.dtype:
        """Return the dtype in which both sides run."""
        return torch.float64 if stage == "algorithm" else self.dtype

    def kind(self, stage: Stage) -> str:
        """Return the arithmetic in which both sides run, a key of ARITHMETIC."""
        return arithmetic(self.case, self.dtype_at(stage), self.device)

    def probe_at(self, stage: Stage) -> Probe:
        """Return the values both sides are given."""
        dtype = self.dtype_at(stage)
        return self.remembered(("probe", dtype), lambda: self.probe.to(dtype, self.device))

    def reference(self, stage: Stage) -> Values:
        """Return what nn.RNN computes."""
        key = "reference", self.dtype_at(stage)
        return self.remembered(key, lambda: evaluate(self.reference_side(stage), self.case))

    def oracle(self, stage: Stage) -> Oracle:
        """Return the oracle on the values both sides are given."""
        key, probe = ("oracle", self.dtype_at(stage)), self.probe_at(stage)
        return self.remembered(key, lambda: Oracle(self.case, probe.to(torch.float64, self.device)))

    def expected(self, stage: Stage) -> Mapping[str, Tensor | None]:
        """Return what errors are measured against: nn.RNN at the algorithm stage, the oracle at the precision stage."""
        return self.reference(stage).tensors if stage == "algorithm" else self.oracle(stage).values

    def overflows(self, stage: Stage) -> bool:
        """Return whether nn.RNN leaves the range of the dtype anywhere, or nearly: rounding is then not known."""

        def leaves(reference: Tensor | None, expected: Tensor | None) -> bool:
            if reference is None or expected is None or not reference.numel():
                return False
            limit = nearly_overflowing(reference.dtype)
            return not (reference.abs().max() < limit and expected.abs().max() < limit)

        pairs = ((value, self.expected(stage).get(name)) for name, value in self.reference(stage).tensors.items())
        return self.remembered(("overflows", stage), lambda: any(leaves(*pair) for pair in pairs))

    def values(self, stage: Stage, candidate: Candidate) -> Values:
        """Return what a candidate computes. Raises CandidateError."""
        return candidate.evaluate(self.case, self.probe_at(stage))

    def runs(self, stage: Stage, candidate: Candidate) -> bool:
        """Return whether a candidate computes anything, rather than raising."""
        try:
            self.values(stage, candidate)
        except CandidateError:
            return False
        return True

    def reference_side(self, stage: Stage = "precision") -> Side:
        """Return nn.RNN, ready to run."""
        dtype, probe = self.dtype_at(stage), self.probe_at(stage)
        if dtype not in self._modules:
            self._modules[dtype] = built(self.case, probe)
        return reference_side(self.case, probe, self._modules[dtype])

    # -- problems made of this one -------------------------------------------------------------------------------------

    def remembered(self, key: object, make: Callable[[], Value]) -> Value:
        """Return what `make` gives, which is made once for a key."""
        if key not in self._remembered:
            self._remembered[key] = make()
        value: Value = self._remembered[key]
        return value

    def derived(self, make: Callable[..., Derived], *arguments: Any) -> "Problem":
        """Return the problem that `make` makes of the case, the probe and these arguments, once for the same ones."""
        return self.remembered((make, arguments), lambda: self._another(*make(self.case, self.probe, *arguments)))

    def shortened(self, steps: int) -> "Problem":
        """Return the problem on the first steps of the input."""
        return self.derived(shortened, steps)

    @cached_property
    def forward_alone(self) -> "Problem":
        """The problem without gradients and dropout."""
        case = altered(self.case, run={"gradients": False, "train": self.case.run.train and not self.drops})
        if self.drops:
            return self._another(case, self.probe)
        known = self.reference("algorithm").tensors
        return self._another(case, self.probe, Values({name: known[name] for name in results(case)}))

    @cached_property
    def first_sequence(self) -> "Problem":
        """The problem of the first sequence of the batch alone, forward. Not for an unbatched input."""
        whole = self.forward_alone
        case, probe = first_sequence(whole.case, whole.probe)
        known = of_first_sequence(whole.case, case, whole.reference("algorithm").tensors)
        return self._another(case, probe, Values(known))

    @property
    def without_states(self) -> "Problem":
        """The problem with the initial states left out, forward alone."""
        return self.forward_alone.derived(without_states)

    def _another(self, case: Case, probe: Probe, reference: Values | None = None) -> "Problem":
        other = Problem(case, self.device, self.policy, probe, reference)
        if other.probe.parameters is self.probe.parameters and case.rnn == self.case.rnn:
            other._modules = self._modules  # one module serves all problems with its weights
        return other


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
