"""Single steps from known states: what can still be judged where a recurrence amplifies rounding.

T = 1, batched over every step of every sequence: the forward direction starts from the state at t - 1, the reverse
direction from that at t + 1, each layer from its own. Nothing is amplified in one step, so the noise envelope of these
steps is what an honest step may err by.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError
from rnncli.core.records import Location
from rnncli.core.shapes import tensor_sizes
from rnncli.numerics.locate import first_in_order, over_elements
from rnncli.numerics.oracle import Oracle
from rnncli.numerics.probe import Probe, first_layer, in_layout, results, time_first
from rnncli.verdict.compare import SMALL
from rnncli.verdict.evaluate import Candidate

MAX_ROWS = 4096  # steps judged at once
ALIKE = 8.0  # times the smallest: rows whose values are of like size are judged together, since they round alike
SMALL_OF_TERMS = 1e-2  # of a pre-activation: one term of ten thousand is more
ENVELOPES = 10.0  # that a step may err by: few rows are drawn from, and what is looked for is far larger


@dataclass(frozen=True)
class Steps:
    """Some steps of a case as a case of its own, of one step and a batch of rows. `rows`: their places among all."""

    case: Case
    probe: Probe
    rows: Tensor

    def wrong(self, name: str, actual: Tensor, kind: str) -> Tensor:
        """Return the elements of a result that an honest implementation of an arithmetic does not give.

        What leaves the range of the dtype is not known, and so not wrong.
        """
        oracle, limit = self._oracle, torch.finfo(getattr(torch, "float32" if kind == "tf32" else kind)).max / 16
        expected, spread = oracle.values[name], oracle.envelope(kind).spread[name]
        bound = ENVELOPES * over_elements(self.case, name, spread)
        known = bound.isfinite() & (expected.abs() < limit) & (self._largest_sum < limit)
        return known & ~((actual.double() - expected).abs() <= bound)

    @cached_property
    def _oracle(self) -> Oracle:
        return Oracle(self.case, self.probe)

    @cached_property
    def _largest_sum(self) -> float:
        """No less than the largest sum of magnitudes that a product adds up, before anything cancels. What saturates
        has its largest in the first layer.
        """
        if self.case.rnn.nonlinearity != "relu":
            return max(float(sums.max()) for sums in _sums(self.case, self.probe, Tensor.abs))
        parameters = {name: value.abs() for name, value in self.probe.parameters.items()}
        magnitudes = replace(self.probe.changed(lambda _, value: value.abs()), parameters=parameters)
        return float(Oracle(self.case, magnitudes).values["h_n"].max())


def wrong_step(
    case: Case, probe: Probe, oracle: Oracle, dtype: torch.dtype, kind: str, candidate: Candidate
) -> str | None:
    """Return what is wrong with a candidate's single steps from the oracle's states, or None.

    None too where the candidate takes no such input. The steps run in `dtype`, whose arithmetic is `kind`.
    """
    for steps in _steps(case, probe, oracle.previous_states, dtype):
        working = steps.probe.to(dtype, steps.probe.input.device)
        try:
            values = candidate.evaluate(steps.case, working)
        except CandidateError:
            return None
        for name, size in tensor_sizes(steps.case).items():
            actual = values.tensors.get(name)
            if name not in results(steps.case):
                continue
            if name in values.findings or actual is None or actual.shape != size:
                return f"a single step gives {name} another form"
            wrong = steps.wrong(name, actual, kind)
            if wrong.any():
                return f"single steps from the right states give a wrong {name} in {int(wrong.sum())} values"
    return None


def first_wrong_step(case: Case, probe: Probe, output: Tensor, kind: str) -> Location | None:
    """Return where a candidate's output first is not one step from its own output before, or None.

    It needs no other call, sees faults of a certain step, and is exact however chaotic the case is; but it needs every
    state and its input, which only a single layer of a cell with one state shows. `probe` holds the values the
    candidate was given.
    """
    if case.rnn.num_layers > 1 or len(case.cell.states) > 1 or (case.run.train and case.rnn.dropout):
        return None
    states = time_first(case, output.double())  # (L, N, D*H_out)
    wrong = torch.zeros_like(states, dtype=torch.bool).flatten(0, 1)
    for steps in _steps(case, probe, {"h_0": _before(case, probe, states)}, torch.float64):
        actual = in_layout(steps.case, states.flatten(0, 1)[steps.rows][None])
        wrong[steps.rows] = time_first(steps.case, steps.wrong("output", actual, kind))[0]
    outside = in_layout(case, wrong.view_as(states))
    return first_in_order(case, "output", outside) if outside.any() else None


def error_of_a_step(case: Case, probe: Probe, oracle: Oracle, candidate: Candidate) -> float:
    """Return the error of single steps of the first layer in float64, of their largest value.

    0 where the candidate takes no such input. An error that is a small part of the pre-activations' size, their terms
    added up at random, is SMALL at most.
    """
    largest = scale = typical = 0.0
    for steps in _steps(case, probe, oracle.previous_states, torch.float64):
        one, given = first_layer(steps.case, steps.probe)
        try:
            actual = candidate.evaluate(one, given).tensors["output"]
        except CandidateError:
            return 0.0
        expected = Oracle(one, given).values["output"]
        if actual is None or actual.shape != expected.shape:
            return 0.0
        largest = max(largest, (actual.double() - expected).abs().max().item())
        scale = max(scale, expected.abs().max().item())
        typical = max(typical, *(sums.sqrt().max().item() for sums in _sums(one, given, Tensor.square)))
    if not scale:
        return 0.0
    return min(SMALL, largest / scale) if largest < SMALL_OF_TERMS * typical else largest / scale


def _steps(case: Case, probe: Probe, before: dict[str, Tensor], dtype: torch.dtype) -> Iterator[Steps]:
    """Yield every step whose states the dtype can hold. `before`: the states each starts from, by name,
    (D*num_layers, L, N, features) each.
    """
    x = time_first(case, probe.input)  # (L, N, H_in)
    states = {name: value.flatten(1, 2).to(dtype).double() for name, value in before.items()}
    rows = x.flatten(0, 1).to(dtype).double()
    held = rows.isfinite().all(-1)
    for value in states.values():
        held &= value.isfinite().all(0).all(-1)
    if case.input.layout == "packed":
        held &= time_first(case, probe.input.new_ones(len(probe.input), 1)).flatten().bool()
    size = torch.stack([rows.abs().amax(-1), *(value.abs().amax((0, -1)) for value in states.values())]).amax(0)
    for part in _of_like_size(held.nonzero()[:, 0], size):
        given = {"layout": "batched", "seq_len": 1, "batch_size": len(part), "lengths": None, "h_0": "random"}
        one = altered(case, input=given, run={"gradients": False, "train": False})
        starts = {name: value[:, part] for name, value in states.items()}
        sizes = tensor_sizes(one)
        cotangents = {name: rows.new_zeros(sizes[name]) for name in results(one)}  # which nothing here needs
        yield Steps(one, Probe(probe.parameters, in_layout(one, rows[part][None]), starts, cotangents), part)


def _of_like_size(rows: Tensor, size: Tensor) -> Iterator[Tensor]:
    rows = rows[size[rows].argsort()]
    while len(rows):
        alike = int((size[rows] <= ALIKE * size[rows[0]]).sum())
        count = max(1, min(alike, MAX_ROWS))
        yield rows[:count]
        rows = rows[count:]


def _before(case: Case, probe: Probe, states: Tensor) -> Tensor:
    """Return the candidate's own state before each step, (D, L, N, H_out); `states`: (L, N, D*H_out)."""
    lengths = torch.full((states.shape[1],), len(states))
    if case.input.layout == "packed":
        lengths = torch.tensor(case.input.sequence_lengths)
    time = torch.arange(len(states))[:, None].expand(-1, states.shape[1])  # (L, N)
    found = []
    for direction, h in enumerate(torch.split(states, case.rnn.h_out, -1)):
        first = torch.zeros_like(h[0])  # (N, H_out)
        if probe.states:
            h_0 = probe.states["h_0"][direction]
            first = h_0[None] if case.input.layout == "unbatched" else h_0
        before = torch.cat([h[1:], first[None]] if direction else [first[None], h[:-1]])
        starts = (time == (lengths - 1 if direction else 0)).unsqueeze(-1).to(h.device)
        found.append(torch.where(starts, first, before))
    return torch.stack(found)


def _sums(case: Case, probe: Probe, of: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
    """Yield, for each direction of the first layer, the sum of `of` the terms that a pre-activation adds up.

    Of the squares, its root is the size of a pre-activation whose terms have random signs.
    """
    x = of(time_first(case, probe.input)[0])  # (N, H_in)
    for direction, h in enumerate(probe.states["h_0"][: case.rnn.directions]):
        suffix = "l0_reverse" if direction else "l0"
        weights = {
            name.partition("_l")[0]: of(w) for name, w in probe.parameters.items() if name.endswith(f"_{suffix}")
        }
        biases = [bias for kind, bias in weights.items() if kind.startswith("bias")]
        yield sum(biases, x @ weights["weight_ih"].T + of(h) @ weights["weight_hh"].T)
