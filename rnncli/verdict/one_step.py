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
from rnncli.core.records import Location, Stage
from rnncli.core.shapes import tensor_sizes
from rnncli.numerics.locate import first_in_order, over_elements
from rnncli.numerics.oracle import Oracle
from rnncli.numerics.probe import Probe, first_layer, in_layout, results, time_first
from rnncli.verdict.compare import SMALL, wrong_form
from rnncli.verdict.evaluate import Candidate
from rnncli.verdict.problem import Problem, nearly_overflowing

MAX_ROWS = 4096  # steps judged at once
ALIKE = 8.0  # times the smallest: rows whose values are of like size are judged together, since they round alike
SMALL_OF_TERMS = 1e-2  # of a pre-activation: one term of ten thousand is more
STEP_ENVELOPES = 10.0  # that a step may err by: few rows are drawn from, and what is looked for is far larger


@dataclass(frozen=True)
class Steps:
    """Some steps as a problem of one step and a batch of rows. `rows`: their places among all steps."""

    problem: Problem
    rows: Tensor

    def wrong(self, stage: Stage, name: str, actual: Tensor) -> Tensor:
        """Return the elements of a result that an honest implementation does not give.

        What leaves the range of the dtype is not known, and so not wrong.
        """
        oracle, limit = self.problem.oracle(stage), nearly_overflowing(self.problem.dtype_at(stage))
        expected, spread = oracle.values[name], oracle.envelope(self.problem.kind(stage)).spread[name]
        bound = STEP_ENVELOPES * over_elements(self.problem.case, name, spread)
        known = bound.isfinite() & (expected.abs() < limit) & (self._largest_sum < limit)
        return known & ~((actual.double() - expected).abs() <= bound)

    @cached_property
    def _largest_sum(self) -> float:
        """A bound on the sums of magnitudes that products add up, before anything cancels.

        Of a cell that saturates, the largest sums are those of the first layer.
        """
        case, probe = self.problem.case, self.problem.probe
        if case.rnn.nonlinearity != "relu":
            return max(float(sums.max()) for sums in _sums(self.problem, Tensor.abs))
        parameters = {name: value.abs() for name, value in probe.parameters.items()}
        magnitudes = replace(probe.changed(lambda _, value: value.abs()), parameters=parameters)
        return float(Oracle(case, magnitudes).values["h_n"].max())


def wrong_step(problem: Problem, stage: Stage, candidate: Candidate) -> str | None:
    """Return what is wrong with a candidate's single steps from the oracle's states, or None.

    None too where the candidate takes no such input.
    """
    if problem.drops or not candidate.takes_all_states:
        return None
    for steps in _steps(problem, stage, problem.oracle(stage).previous_states):
        try:
            values = steps.problem.values(stage, candidate)
        except CandidateError:
            return None
        for name in problem.case.returns:
            actual, right = values.tensors[name], steps.problem.probe_at(stage).cotangents[name]
            if (
                name in values.findings
                or actual is None
                or (actual.shape, actual.device) != (right.shape, right.device)
            ):
                return f"a single step gives {name} another form"
            wrong = steps.wrong(stage, name, actual)
            if wrong.any():
                return f"single steps from the right states give a wrong {name} in {int(wrong.sum())} values"
    return None


def first_wrong_step(problem: Problem, stage: Stage, output: Tensor | None) -> Location | None:
    """Return where a candidate's output first is not one step from its own output before, or None.

    It needs no other call, sees faults of a certain step, and is exact however chaotic the case is; but it needs every
    state and its input, which only a single layer of a cell with one state shows.
    """
    case, probe = problem.case, problem.probe_at(stage)
    if case.rnn.num_layers > 1 or len(case.cell.states) > 1 or problem.drops:
        return None
    if output is None or wrong_form(output, probe.cotangents["output"]):
        return None
    states = time_first(case, output.double())  # (L, N, D*H_out)
    wrong = torch.zeros_like(states, dtype=torch.bool).flatten(0, 1)
    for steps in _steps(problem, stage, {"h_0": _before(case, probe, states)}):
        one = steps.problem.case
        actual = in_layout(one, states.flatten(0, 1)[steps.rows][None])
        wrong[steps.rows] = time_first(one, steps.wrong(stage, "output", actual))[0]
    outside = in_layout(case, wrong.view_as(states))
    return first_in_order(case, "output", outside) if outside.any() else None


def error_of_a_step(problem: Problem, candidate: Candidate) -> float:
    """Return the error of single steps of the first layer in float64, of their largest value.

    0 where the candidate takes no such input. An error that is a small part of the pre-activations' size, their terms
    added up at random, is SMALL at most.
    """
    if not candidate.takes_all_states:
        return 0.0
    largest = scale = typical = 0.0
    for steps in _steps(problem, "algorithm", problem.oracle("algorithm").previous_states):
        one = steps.problem.derived(first_layer)
        try:
            actual = one.values("algorithm", candidate).tensors["output"]
        except CandidateError:
            return 0.0
        expected = one.oracle("algorithm").values["output"]
        if actual is None or actual.shape != expected.shape:
            return 0.0
        largest = max(largest, (actual.double() - expected).abs().max().item())
        scale = max(scale, expected.abs().max().item())
        typical = max(typical, *(sums.sqrt().max().item() for sums in _sums(one, Tensor.square)))
    if not scale:
        return 0.0
    return min(SMALL, largest / scale) if largest < SMALL_OF_TERMS * typical else largest / scale


def _steps(problem: Problem, stage: Stage, before: dict[str, Tensor]) -> Iterator[Steps]:
    """Yield every step whose states the dtype can hold. `before`: the states each starts from, by name,
    (D*num_layers, L, N, features) each.
    """
    case, dtype, probe = (
        problem.case,
        problem.dtype_at(stage),
        problem.probe_at(stage).to(torch.float64, problem.device),
    )
    rows = time_first(case, probe.input).flatten(0, 1)  # (L*N, H_in)
    states = {name: value.flatten(1, 2).to(dtype).double() for name, value in before.items()}
    size = torch.stack([rows.abs().amax(-1), *(value.abs().amax((0, -1)) for value in states.values())]).amax(0)
    held = size.isfinite()
    if case.input.layout == "packed":
        held &= time_first(case, probe.input.new_ones(len(probe.input), 1)).flatten().bool()
    for part in _of_like_size(held.nonzero()[:, 0], size):
        given = {"layout": "batched", "seq_len": 1, "batch_size": len(part), "lengths": None, "h_0": "random"}
        one = altered(case, input=given, run={"gradients": False, "train": False})
        starts, sizes = {name: value[:, part] for name, value in states.items()}, tensor_sizes(one)
        cotangents = {name: rows.new_zeros(sizes[name]) for name in results(one)}  # which nothing here needs
        drawn = Probe(probe.parameters, in_layout(one, rows[part][None]), starts, cotangents)
        yield Steps(Problem(one, problem.device, probe=drawn), part)


def _of_like_size(rows: Tensor, size: Tensor) -> Iterator[Tensor]:
    rows = rows[size[rows].argsort()]
    while len(rows):
        alike = int((size[rows] <= ALIKE * size[rows[0]]).sum())
        count = max(1, min(alike, MAX_ROWS))
        yield rows[:count]
        rows = rows[count:]


def _before(case: Case, probe: Probe, states: Tensor) -> Tensor:
    """Return the candidate's own state before each step, (D, L, N, H_out); `states`: (L, N, D*H_out)."""
    steps, sequences, _ = states.shape
    lengths = torch.tensor(case.input.sequence_lengths if case.input.layout == "packed" else [steps] * sequences)
    time = torch.arange(steps)[:, None].expand(-1, sequences)  # (L, N)
    first = probe.initial_states(probe.leaves)[0].double().view(-1, 1, sequences, case.rnn.h_out)  # (D, 1, N, H_out)
    found = []
    for direction, h in enumerate(torch.split(states, case.rnn.h_out, -1)):
        before = torch.cat([h[1:], first[direction]] if direction else [first[direction], h[:-1]])
        starts = (time == (lengths - 1 if direction else 0)).unsqueeze(-1).to(h.device)
        found.append(torch.where(starts, first[direction], before))
    return torch.stack(found)


def _sums(problem: Problem, of: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
    """Yield, for each direction of the first layer, the sum of `of` the terms that a pre-activation adds up.

    Of the squares, its root is the size of a pre-activation whose terms have random signs.
    """
    x = of(time_first(problem.case, problem.probe.input)[0])  # (N, H_in)
    for direction, h in enumerate(problem.probe.states["h_0"][: problem.case.rnn.directions]):
        suffix = "_l0_reverse" if direction else "_l0"
        weights = {name: of(w) for name, w in problem.probe.parameters.items() if name.endswith(suffix)}
        biases = [bias for name, bias in weights.items() if name.startswith("bias")]
        yield sum(biases, x @ weights[f"weight_ih{suffix}"].T + of(h) @ weights[f"weight_hh{suffix}"].T)
