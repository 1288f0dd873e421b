"""Single steps from the oracle's own states: what can still be judged where a recurrence amplifies rounding.

T = 1, batched over every step of every sequence: the forward direction starts from the state at t - 1, the reverse
direction from that at t + 1, each layer from its own. The error is held to a rigorous bound of one step's rounding:
a sum of n products errs by at most gamma = n u / (1 - n u) of the magnitudes summed (Higham, Accuracy and Stability of
Numerical Algorithms, 3.1), and neither tanh nor relu makes an error larger.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from rnncli.core.case import Case, altered
from rnncli.core.errors import CandidateError
from rnncli.core.records import Location
from rnncli.numerics.locate import first_in_order
from rnncli.numerics.noise import ARITHMETIC
from rnncli.numerics.oracle import Oracle
from rnncli.numerics.probe import Probe, first_layer, in_layout, time_first
from rnncli.verdict.compare import SMALL
from rnncli.verdict.evaluate import Candidate

MOST_ROWS = 4096  # steps judged at once
SMALL_OF_TERMS = 1e-2  # of a pre-activation: one term of ten thousand is more
STORED = 8  # roundings of a value on its way through one step, and the last digits of tanh


def wrong_step(
    case: Case, probe: Probe, oracle: Oracle, dtype: torch.dtype, kind: str, candidate: Candidate
) -> str | None:
    """What is wrong with a candidate's single steps, or None; None too where it takes no such input.

    The oracle is that of the case on the probe; the steps run in `dtype`, whose arithmetic is `kind`.
    """
    for step_case, step_probe in _steps(case, probe, oracle, dtype):
        working = step_probe.to(dtype, step_probe.input.device)
        exact = working.to(torch.float64, step_probe.input.device)
        try:
            values = candidate.evaluate(step_case, working)
        except CandidateError:
            return None
        expected = Oracle(step_case, exact).values
        for name, bound in _bounds(step_case, exact, kind).items():
            actual = values.tensors[name]
            if name in values.findings or actual is None or actual.shape != expected[name].shape:
                return f"a single step gives {name} another form"
            excess = (actual.double() - expected[name]).abs() - bound
            within = (excess <= 0) | ~bound.isfinite()
            if not within.all():
                return f"single steps from the right states give a wrong {name} in {int((~within).sum())} values"
    return None


def _steps(case: Case, probe: Probe, oracle: Oracle, dtype: torch.dtype) -> Iterator[tuple[Case, Probe]]:
    """Cases of one step with a batch of every step whose states the dtype can hold, in parts, and their probes."""
    x = time_first(case, probe.input)  # (L, N, H_in)
    states = torch.stack(oracle.previous_states)  # (D*num_layers, L, N, H_out)
    rows, h_0 = x.flatten(0, 1), states.flatten(1, 2)
    if case.input.layout == "packed":
        running = time_first(case, probe.input.new_ones(len(probe.input), 1)).flatten().bool()
        rows, h_0 = rows[running], h_0[:, running]
    held = h_0.to(dtype).isfinite().all(0).all(-1)
    rows, h_0 = rows[held], h_0[:, held]
    for start in range(0, len(rows), MOST_ROWS):
        part = rows[start : start + MOST_ROWS]
        given = {"layout": "batched", "seq_len": 1, "batch_size": len(part), "lengths": None, "h_0": "random"}
        one = altered(case, input=given, run={"gradients": False, "train": False})
        input = part.unsqueeze(1 if case.rnn.batch_first else 0)
        yield one, Probe(probe.parameters, input, h_0[:, start : start + MOST_ROWS], _no_cotangents(one, part))


def error_of_a_step(case: Case, probe: Probe, oracle: Oracle, candidate: Candidate) -> float:
    """The error of single steps of the first layer in float64, of their largest value; 0 where it takes no such input.

    Where it is a small part of the pre-activations' size, its terms added up at random, it is called SMALL.
    """
    largest = scale = typical = 0.0
    for step_case, step_probe in _steps(case, probe, oracle, torch.float64):
        one, values_of_one = first_layer(step_case, step_probe)
        try:
            actual = candidate.evaluate(one, values_of_one).tensors["output"]
        except CandidateError:
            return 0.0
        expected = Oracle(one, values_of_one).values["output"]
        if actual is None or actual.shape != expected.shape:
            return 0.0
        largest = max(largest, (actual.double() - expected).abs().max().item())
        scale = max(scale, expected.abs().max().item())
        steps = [_Step(one, values_of_one, 0, direction, "float64") for direction in range(one.rnn.directions)]
        x, h_0 = time_first(one, values_of_one.input)[0], values_of_one.h_0
        assert h_0 is not None
        typical = max([typical, *(step.typical(x, h).max().item() for step, h in zip(steps, h_0, strict=True))])
    if not scale:
        return 0.0
    return min(SMALL, largest / scale) if largest < SMALL_OF_TERMS * typical else largest / scale


def _no_cotangents(case: Case, like: Tensor) -> dict[str, Tensor]:
    """Zeros: the oracle asks for cotangents, and nothing here has gradients."""
    state = like.new_zeros(case.rnn.num_layers * case.rnn.directions, case.input.batch_size, case.rnn.hidden_size)
    return {"output": like.new_zeros(()), "h_n": state}


def _bounds(case: Case, probe: Probe, kind: str) -> dict[str, Tensor]:
    """The largest error honest rounding makes in a step: of h_n (D*num_layers, N, H_out), of output in its layout.

    Not finite where a step leaves the range of the dtype, or starts beyond it.
    """
    assert probe.h_0 is not None
    x = time_first(case, probe.input)[0]  # (N, H_in)
    error, bounds = torch.zeros_like(x), []
    for layer in range(case.rnn.num_layers):
        outputs, errors = [], []
        for direction in range(case.rnn.directions):
            h = probe.h_0[layer * case.rnn.directions + direction]  # (N, H_out)
            step = _Step(case, probe, layer, direction, kind)
            outputs.append(step.state(x, h))
            errors.append(step.bound(x, h, error))
            bounds.append(errors[-1])
        x, error = torch.cat(outputs, -1), torch.cat(errors, -1)
    return {"h_n": torch.stack(bounds), "output": error.unsqueeze(1 if case.rnn.batch_first else 0)}


class _Step:
    """One step of one layer in one direction, in float64, and how far the arithmetic `kind` may be from it."""

    def __init__(self, case: Case, probe: Probe, layer: int, direction: int, kind: str) -> None:
        suffix = f"l{layer}_reverse" if direction else f"l{layer}"
        names = ("bias_ih", "bias_hh") if case.rnn.bias else ()
        self._weight_ih, self._weight_hh = (probe.parameters[f"{name}_{suffix}"] for name in ("weight_ih", "weight_hh"))
        self._biases = [probe.parameters[f"{name}_{suffix}"] for name in names]
        self._activation = torch.tanh if case.rnn.nonlinearity == "tanh" else torch.relu
        self._arithmetic = ARITHMETIC[kind]
        self._limit = torch.finfo(getattr(torch, "float32" if kind == "tf32" else kind)).max / 16

    def state(self, x: Tensor, h: Tensor) -> Tensor:
        """f(z): x (..., features), h (..., H_out) -> (..., H_out)."""
        return self._activation(sum(self._biases, x @ self._weight_ih.T + h @ self._weight_hh.T))

    def typical(self, x: Tensor, h: Tensor) -> Tensor:
        """The size of a pre-activation whose terms have random signs: the root of the sum of their squares."""
        squares = x.square() @ self._weight_ih.square().T + h.square() @ self._weight_hh.square().T
        return sum((bias.square() for bias in self._biases), squares).sqrt()

    def bound(self, x: Tensor, h: Tensor, error: Tensor) -> Tensor:
        """The largest error of the state where x errs by no more than `error`; infinite beyond the dtype's range."""
        unit, inner, smallest = self._arithmetic
        terms = x.shape[-1] + h.shape[-1] + 2
        gamma = terms * inner / (1 - terms * inner) + STORED * unit
        summed = x.abs() @ self._weight_ih.abs().T + h.abs() @ self._weight_hh.abs().T
        summed = sum((bias.abs() for bias in self._biases), summed)
        bound = gamma * summed + error @ self._weight_ih.abs().T * (1 + gamma) + STORED * smallest
        return bound.where(summed < self._limit, torch.inf)


def first_wrong_step(case: Case, probe: Probe, output: Tensor, kind: str) -> Location | None:
    """Where a candidate's output first is not one step from its own output before; None where nowhere, or not known.

    It needs no other call, sees faults of a certain step, and is exact however chaotic the case is; but it needs every
    state and its input, which only a single layer shows. `probe` holds the values the candidate was given.
    """
    if case.rnn.num_layers > 1 or (case.run.train and case.rnn.dropout):
        return None
    x, states = time_first(case, probe.input), time_first(case, output.double())  # (L, N, H_in), (L, N, D*H_out)
    lengths = torch.full((x.shape[1],), len(x))
    if case.input.layout == "packed":
        lengths = torch.tensor(case.input.sequence_lengths)
    time = torch.arange(len(x))[:, None].expand(-1, x.shape[1])  # (L, N)
    wrong = []
    for direction, h in enumerate(torch.split(states, case.rnn.hidden_size, -1)):
        first = torch.zeros_like(h[0]) if probe.h_0 is None else _initial(case, probe.h_0, direction)  # (N, H_out)
        before = torch.cat([h[1:], first[None]] if direction else [first[None], h[:-1]])
        starts = (time == (lengths - 1 if direction else 0)).unsqueeze(-1).to(h.device)
        before = torch.where(starts, first, before)
        step = _Step(case, probe, 0, direction, kind)
        bound = step.bound(x, before, torch.zeros_like(x))
        known = (time < lengths).unsqueeze(-1).to(h.device) & before.isfinite().all(-1, keepdim=True) & bound.isfinite()
        wrong.append(known & ~((h - step.state(x, before)).abs() <= bound))
    outside = in_layout(case, torch.cat(wrong, -1))
    return first_in_order(case, "output", outside) if outside.any() else None


def _initial(case: Case, h_0: Tensor, direction: int) -> Tensor:
    return h_0[direction][None] if case.input.layout == "unbatched" else h_0[direction]
