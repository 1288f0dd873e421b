"""Several runs of the equations as one batch: one without noise, and K that are rounded as they go.

A sequence is (L, (1 + K) * N, features) and a state (D*num_layers, (1 + K) * N, features); the first N rows of the
batch are the run without noise.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from rnncli.core.case import Case
from rnncli.manual.equations import States, Step, layer
from rnncli.numerics.device import seed_dropout
from rnncli.numerics.probe import Probe, time_first
from rnncli.numerics.rounding import Rounding


class Weight:
    """A weight as the equations use it, `x @ W.T`. Its gradient is taken once, over all the steps that used it."""

    def __init__(self, value: Tensor) -> None:
        self._transposed = value.T
        self.inputs: list[Tensor] = []  # (rows, columns of W), one for each step
        self.products: list[Any] = []  # the edges at which the gradients of the products arrive

    @property
    def T(self) -> "Weight":
        """The weight itself: the equations use it in no other way."""
        return self

    def __rmatmul__(self, x: Tensor) -> Tensor:
        product = x @ self._transposed
        if product.requires_grad:
            self.inputs.append(x)
            self.products.append(get_gradient_edge(product))
        return product


class Runs:
    """The runs of a case on a probe that lies in float64."""

    def __init__(self, case: Case, probe: Probe, step: Step) -> None:
        self._case, self._probe, self._step = case, probe, step
        self._x = time_first(case, probe.input)  # (L, N, H_in)
        self._states = [self._batched(state) for state in probe.initial_states(probe.leaves)]
        self._lengths = torch.tensor(case.input.sequence_lengths) if case.input.layout == "packed" else None
        self.rows, self.elements = self._x.shape[1], len(self._x) * self._states[0].numel()

    @torch.no_grad()
    def tensors(self, rounding: Rounding, gradients: bool) -> dict[str, Tensor]:
        """Return what the runs compute: a sequence as (1 + K, L, N, features), a state as (1 + K, D*num_layers, N,
        features), and the gradient of a parameter as (1 + K, *its shape).
        """
        probe, runs = self._probe, rounding.runs
        x, *states = (value.repeat(1, runs, 1).requires_grad_(gradients) for value in (self._x, *self._states))
        weights = {name: Weight(value) for name, value in probe.parameters.items() if value.dim() == 2}
        masks = [mask.repeat(1, runs, 1) for mask in self._masks]
        cotangents = [cotangent.repeat(1, runs, 1) for cotangent in self._cotangents] if gradients else []
        with rounding, torch.set_grad_enabled(gradients):
            returned = self._forward(self._step, x, tuple(states), {**probe.parameters, **weights}, masks)
            if gradients:
                losses = [(value * cotangent).sum() for value, cotangent in zip(returned, cotangents, strict=True)]
                products = [product for weight in weights.values() for product in weight.products]
                arrived = iter(torch.autograd.grad(losses, [x, *states, *products]))
        found = dict(zip(probe.cotangents, returned, strict=True))
        if gradients:
            given = {name: next(arrived) for name in ("input", *probe.initial_names)}
            found |= {f"grad {name}": gradient for name, gradient in given.items() if name in probe.leaves}
        found = {name: _by_run(value.detach(), runs) for name, value in found.items()}
        if gradients:
            for name, weight in weights.items():
                deltas = [next(arrived) for _ in weight.products]
                found |= self._of_parameters(name, torch.stack(deltas), torch.stack(weight.inputs), rounding)
        return found

    @torch.no_grad()
    def previous_states(self) -> list[Tensor]:
        """Return the states that each step started from, (D*num_layers, L, N, features) for each state of the cell."""
        seen: list[States] = []

        def step(x_t: Tensor, states: States, *weights: Any) -> States:
            seen.append(states)
            return self._step(x_t, states, *weights)

        self._forward(step, self._x, tuple(self._states), self._probe.parameters, self._masks)
        found = [torch.unflatten(torch.stack(steps), 0, (-1, len(self._x))) for steps in zip(*seen, strict=True)]
        for walks in found:  # in the order of the steps
            for reverse in walks[1::2] if self._case.rnn.bidirectional else ():
                reverse.copy_(self._turned(reverse, self._lengths))
        return found

    def kinks(self, rounding: Rounding) -> int:
        """Return how many kinks were met at the steps within the sequences."""
        if not rounding.kinks:
            return 0
        walks = torch.unflatten(torch.stack(rounding.kinks), 0, (-1, len(self._x)))  # (D*num_layers, as walked, N)
        if self._lengths is not None:
            walks = walks[:, torch.arange(len(self._x))[:, None] < self._lengths]
        return int(walks.sum())

    def _forward(
        self, step: Step, x: Tensor, states: States, params: Mapping[str, Any], masks: list[Tensor]
    ) -> tuple[Tensor, ...]:
        """output and the final states: the stack of the equations, with torch's masks of dropout between the layers."""
        directions, final = self._case.rnn.directions, []
        lengths = None if self._lengths is None else self._lengths.repeat(x.shape[1] // self.rows)
        for k in range(self._case.rnn.num_layers):
            halves = []
            for d in range(directions):
                suffix = f"l{k}_reverse" if d else f"l{k}"
                weights = [
                    params.get(f"{kind}_{suffix}", 0.0) for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                ]
                weights += [params[name] for name in [f"weight_hr_{suffix}"] if name in params]
                first = tuple(state[k * directions + d] for state in states)
                half, last = layer(step, self._turned(x, lengths) if d else x, first, weights, lengths)
                halves.append(self._turned(half, lengths) if d else half)
                final.append(last)
            x = torch.cat(halves, dim=-1)
            x = x * masks[k] if k < len(masks) else x
        return x, *(torch.stack(rows) for rows in zip(*final, strict=True))

    @staticmethod
    def _turned(x: Tensor, lengths: Tensor | None) -> Tensor:
        """`equations.flipped`, for many sequences at once."""
        if lengths is None:
            return x.flip(0)
        time = torch.arange(len(x))[:, None]
        time = torch.where(time < lengths, lengths - 1 - time, time)
        return x[time.to(x.device), torch.arange(len(lengths), device=x.device)]

    def _of_parameters(self, name: str, delta: Tensor, x: Tensor, rounding: Rounding) -> dict[str, Tensor]:
        """The gradient of a weight, whose products are x @ W.T, and of the bias that is added to them.

        delta: (L, rows, rows of W), the gradient of the products. x: (L, rows, columns of W).
        """
        delta, x = (_by_run(value, rounding.runs).flatten(1, 2) for value in (delta, x))  # (1 + K, L*N, ...)
        found = {f"grad {name}": delta.mT @ x}
        rounding.move_sum(found[f"grad {name}"], delta[0].abs().T @ x[0].abs(), len(self._x))
        bias = name.replace("weight", "bias")
        if bias in self._probe.parameters:
            found[f"grad {bias}"] = delta.sum(1)
            rounding.move_sum(found[f"grad {bias}"], delta[0].abs().sum(0), len(self._x))
        return found

    @cached_property
    def _cotangents(self) -> list[Tensor]:
        output, *states = self._probe.cotangents.values()
        return [time_first(self._case, output), *map(self._batched, states)]

    @cached_property
    def _masks(self) -> list[Tensor]:
        """What dropout multiplies the output of each layer but the last with, (L, N, D*H_out): torch's, on the CPU.

        It draws in the order of time, and over `.data` when packed.
        """
        rnn, output = self._case.rnn, self._probe.cotangents["output"]
        if not (self._case.run.train and rnn.dropout):
            return []
        seed_dropout(output.device, self._case.run.seed)
        packed = self._case.input.layout == "packed"
        ones = output.new_ones((output if packed else self._cotangents[0]).shape)
        drawn = [F.dropout(ones, rnn.dropout) for _ in range(rnn.num_layers - 1)]
        return [time_first(self._case, mask) if packed else mask for mask in drawn]

    def _batched(self, state: Tensor) -> Tensor:
        return state.unsqueeze(1) if self._case.input.layout == "unbatched" else state


def _by_run(value: Tensor, runs: int) -> Tensor:
    """(..., (1 + K) * N, features) -> (1 + K, ..., N, features)."""
    return torch.unflatten(value, -2, (runs, -1)).movedim(-3, 0)
