"""Single steps from known states: what can still be judged where a recurrence amplifies rounding.

T = 1, batched over every step of every sequence: the forward direction starts from the state at t - 1, the reverse
direction from that at t + 1, each layer from its own. Nothing is amplified in one step, so the noise envelope of these
steps is what an honest step may err by.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError
from rnncli.core.records import Location
from rnncli.numerics.locate import first_in_order, over_elements
from rnncli.numerics.oracle import Oracle
from rnncli.numerics.probe import Probe, first_layer, in_layout, results, time_first
from rnncli.verdict.compare import SMALL
from rnncli.verdict.evaluate import Candidate, evaluate, reference_side

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

    def bounds(self, kind: str) -> dict[str, Tensor]:
        """Return how far each result of an honest implementation may be from the oracle; `kind`: its arithmetic."""
        spread = Oracle(self.case, self.probe).envelope(kind).spread
        return {name: ENVELOPES * over_elements(self.case, name, spread[name]) for name in results(self.case)}


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
        honest = evaluate(reference_side(steps.case, working), steps.case).tensors
        expected, bounds = Oracle(steps.case, steps.probe).values, steps.bounds(kind)
        for name in results(steps.case):
            actual, reference = values.tensors[name], honest[name]
            assert reference is not None
            if name in values.findings or actual is None or actual.shape != expected[name].shape:
                return f"a single step gives {name} another form"
            wrong = ~((actual.double() - expected[name]).abs() <= bounds[name]) & reference.isfinite()
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
        expected = Oracle(steps.case, steps.probe).values["output"]
        actual = in_layout(steps.case, states.flatten(0, 1)[steps.rows][None])
        outside = ~((actual - expected).abs() <= steps.bounds(kind)["output"])
        wrong[steps.rows] = time_first(steps.case, outside)[0]
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
        typical = max(typical, _typical(one, given))
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
        likes = {name: starts[name.replace("_n", "_0")] for name in case.cell.final}
        cotangents = {"output": rows.new_zeros(()), **{name: torch.zeros_like(like) for name, like in likes.items()}}
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


def _typical(case: Case, probe: Probe) -> float:
    """Return the size of a pre-activation whose terms have random signs: the root of the sum of their squares."""
    x, largest = time_first(case, probe.input)[0], 0.0
    for direction, h in enumerate(probe.states["h_0"]):
        suffix = "l0_reverse" if direction else "l0"
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        square = {
            kind: value.square() for kind in kinds if (value := probe.parameters.get(f"{kind}_{suffix}")) is not None
        }
        squares = x.square() @ square.pop("weight_ih").T + h.square() @ square.pop("weight_hh").T
        largest = max(largest, sum(square.values(), squares).sqrt().max().item())
    return largest
