"""Several runs of the equations as one batch: one without noise, and K that are rounded as they go.

A sequence is (L, (1 + K) * N, features) and a state (D*num_layers, (1 + K) * N, features); the first N rows of the
batch are the run without noise.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from rnncli.core.case import Case
from rnncli.manual.equations import States, Step, flipped, stack
from rnncli.numerics.probe import Probe, time_first
from rnncli.numerics.rounding import Rounding


class Weight:
    """A weight as the equations use it, `x @ W.T`. Its gradient is taken once, over all the steps that used it."""

    def __init__(self, value: Tensor) -> None:
        self._transposed = value.T
        self._foreseen: Iterator[Tensor] | None = None
        self.inputs: list[Tensor] = []  # (rows, features) of a step, or (L, rows, features) of all steps
        self.products: list[Any] = []  # the edges at which the gradients of the products arrive

    @property
    def T(self) -> "Weight":
        """The weight itself: the equations use it in no other way."""
        return self

    def __rmatmul__(self, x: Tensor) -> Tensor:
        return self._product(x) if self._foreseen is None else next(self._foreseen)

    def foresee(self, x: Tensor) -> None:
        """Form the products of all steps at once, x (L, rows, features): they are then used one after the other."""
        self._foreseen = iter(self._product(x).unbind(0))

    def _product(self, x: Tensor) -> Tensor:
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
        cotangents = [cotangent.repeat(1, runs, 1) for cotangent in self._cotangents]
        with rounding, torch.set_grad_enabled(gradients):
            returned = self._forward(x, tuple(states), {**probe.parameters, **weights}, masks)
            if gradients:
                losses = [(value * cotangent).sum() for value, cotangent in zip(returned, cotangents, strict=True)]
                products = [product for weight in weights.values() for product in weight.products]
                arrived = iter(torch.autograd.grad(losses, [x, *states, *products]))
        found = dict(zip(probe.cotangents, returned, strict=True))
        if gradients:
            given = {name: next(arrived) for name in ("input", *probe.initial_names)}
            found |= {f"grad {name}": gradient for name, gradient in given.items() if name in probe.leaves}
        found = {name: self._by_run(value, runs) for name, value in found.items()}
        if gradients:
            for name, weight in weights.items():
                delta = self._over_time([next(arrived) for _ in weight.products], runs)
                found |= self._of_parameters(name, delta, self._over_time(weight.inputs, runs), rounding)
        return found

    def kinks(self, rounding: Rounding) -> int:
        """Return how many kinks were met at the steps within the sequences."""
        if not rounding.kinks:
            return 0
        walks = torch.unflatten(torch.stack(rounding.kinks), 0, (-1, len(self._x)))  # (D*num_layers, as walked, N)
        if self._lengths is not None:
            walks = walks[:, torch.arange(len(self._x))[:, None] < self._lengths]
        return int(walks.sum())

    def _forward(self, x: Tensor, states: States, params: dict[str, Any], masks: list[Tensor]) -> tuple[Tensor, ...]:
        """output and the final states, layer by layer: the masks of dropout lie between them."""
        directions, final = self._case.rnn.directions, []
        lengths = None if self._lengths is None else self._lengths.repeat(x.shape[1] // self.rows)
        for layer in range(self._case.rnn.num_layers):
            matches = [(re.fullmatch(rf"(\w+_l){layer}(|_reverse)", name), value) for name, value in params.items()]
            of_layer = {f"{match[1]}0{match[2]}": value for match, value in matches if match}
            for name in ("weight_ih_l0", "weight_ih_l0_reverse")[:directions]:
                of_layer[name].foresee(flipped(x, lengths) if name.endswith("reverse") else x)
            first = tuple(state[layer * directions : (layer + 1) * directions] for state in states)
            x, last = stack(self._step, x, first, of_layer, directions, 0.0, lengths)
            x = x * masks[layer] if layer < len(masks) else x
            final.append(last)
        return x, *(torch.cat(rows) for rows in zip(*final, strict=True))

    def _of_parameters(self, name: str, delta: Tensor, x: Tensor, rounding: Rounding) -> dict[str, Tensor]:
        """The gradient of a weight, whose products are x @ W.T, and of the bias that is added to them.

        delta: (1 + K, L*N, rows of W), the gradient of the products. x: (1 + K, L*N, columns of W).
        """
        found = {f"grad {name}": delta.mT @ x}
        rounding.move_sum(found[f"grad {name}"], delta[0].abs().T @ x[0].abs(), len(self._x))
        bias = name.replace("weight", "bias")
        if bias in self._probe.parameters:
            found[f"grad {bias}"] = delta.sum(1)
            rounding.move_sum(found[f"grad {bias}"], delta[0].abs().sum(0), len(self._x))
        return found

    @staticmethod
    def _by_run(value: Tensor, runs: int) -> Tensor:
        return torch.unflatten(value, -2, (runs, -1)).movedim(-3, 0)

    def _over_time(self, values: list[Tensor], runs: int) -> Tensor:
        """(1 + K, L*N, features), of one value of all steps or of a value of each step."""
        return self._by_run(torch.stack(values) if len(values) > 1 else values[0], runs).flatten(1, -2)

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
        torch.default_generator.manual_seed(self._case.run.seed)
        packed = self._case.input.layout == "packed"
        ones = torch.ones_like(output if packed else self._cotangents[0])
        drawn = [F.dropout(ones, rnn.dropout) for _ in range(rnn.num_layers - 1)]
        return [time_first(self._case, mask) if packed else mask for mask in drawn]

    def _batched(self, state: Tensor) -> Tensor:
        return state.unsqueeze(1) if self._case.input.layout == "unbatched" else state
