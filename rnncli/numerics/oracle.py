"""The oracle: the equations in float64, and how far honest rounding moves each of their values.

The spread of a few runs of the equations under `Rounding`, backward pass and
all, is the noise envelope. The runs are one batch: a sequence is (L, (1 + K) * N, features) and a state
(D*num_layers, (1 + K) * N, features), of which the first N rows are a run without noise.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.graph import get_gradient_edge
from torch.nn.utils.rnn import PackedSequence

from rnncli.core.case import Case
from rnncli.core.memory import NOISY_ELEMENTS, NOISY_RUNS
from rnncli.manual.equations import States, Step, flipped, gru_step, lstm_step, recurrent, relu_step, stack, tanh_step
from rnncli.numerics.locate import by_group
from rnncli.numerics.probe import Probe, in_layout, packer, results, time_first
from rnncli.numerics.rounding import ARITHMETIC, Rounding

ENOUGH = 64  # normal numbers, for the largest of them to say how far rounding goes
STEPS: dict[str, Step] = {"tanh": tanh_step, "relu": relu_step, "GRU": gru_step, "LSTM": lstm_step}


@dataclass(frozen=True)
class Envelope:
    """How far rounding moves each tensor: the largest spread of any element in a group (see `locate.by_group`)."""

    spread: dict[str, Tensor]
    kinks: int  # how many pre-activations of a relu lie within the noise of zero
    floor: float = 0.0  # what is so near the smallest number of the dtype that it tells nothing of amplification
    sizes: dict[str, Tensor] = field(default_factory=dict)  # of the oracle's own values, in the same groups

    def decides(self, name: str, expected: Tensor, loosest: float) -> bool:
        """Whether rounding moves a tensor by no more than that share of its largest value."""
        return bool(self.spread[name].max() <= loosest * expected.abs().max() + self.floor)

    def steps_per_decade(self) -> float | None:
        """Over how many steps rounding grows tenfold in `output`, or None where it does not grow."""
        rates, spread = [], self.spread["output"]
        by_direction = (spread.amax(1) if spread.dim() == 3 else spread).T.tolist()  # over the sequences, if packed
        for direction, by_step in enumerate(by_direction):
            walked = [spread for spread in (by_step[::-1] if direction else by_step) if 0 < spread < math.inf]
            grown = next(
                (step for step, spread in enumerate(walked) if spread > max(walked) / 10), 0
            )  # then it saturates
            least = min(range(grown + 1), key=walked.__getitem__) if walked else 0
            if grown > least and walked[grown] > 10 * walked[least]:
                rates.append(math.log10(walked[grown] / walked[least]) / (grown - least))
        return 1 / max(rates) if rates else None


class Weight:
    """A weight as the equations use it, `x @ W.T`. Its gradient is taken once, over all the steps that used it."""

    def __init__(self, value: Tensor) -> None:
        self._transposed = value.T
        self._foreseen: Iterator[Tensor] | None = None
        self.inputs: list[Tensor] = []  # (rows, features) or (L, rows, features) each
        self.products: list[Any] = []  # where the gradient of each product arrives

    def foresee(self, x: Tensor) -> None:
        """Form the products of all steps at once: those of x (L, rows, features), in the order they are used."""
        self._foreseen = iter(self._product(x).unbind(0))

    @property
    def T(self) -> "Weight":
        """The weight itself: the equations use it in no other way."""
        return self

    def __rmatmul__(self, x: Tensor) -> Tensor:
        return self._product(x) if self._foreseen is None else next(self._foreseen)

    def _product(self, x: Tensor) -> Tensor:
        product = x @ self._transposed
        if product.requires_grad:
            self.inputs.append(x)
            self.products.append(get_gradient_edge(product))
        return product


class Oracle:
    """A case's values in float64 on one probe, and the noise envelope of any arithmetic around them."""

    def __init__(self, case: Case, probe: Probe) -> None:
        """The probe lies in float64, on the device the oracle is to run on."""
        self._case, self._probe = case, probe
        self._step = STEPS[case.rnn.nonlinearity or case.rnn.cell]
        self._envelopes: dict[str, Envelope] = {}

    @cached_property
    def values(self) -> dict[str, Tensor]:
        """Results and, where the case has gradients, `grad <leaf>`, in the case's layout."""
        case, probe, rnn = self._case, self._probe, self._case.rnn
        leaves = {name: leaf.clone().requires_grad_(case.run.gradients) for name, leaf in probe.leaves.items()}
        zeros = {name: torch.zeros_like(probe.cotangents[name.replace("_0", "_n")]) for name in case.cell.initial}
        states = tuple(leaves.get(name, zeros[name]) for name in case.cell.initial)
        torch.default_generator.manual_seed(case.run.seed)
        with torch.set_grad_enabled(case.run.gradients):
            x = packer(case, probe.input.device)(leaves["input"])
            p = rnn.dropout if case.run.train else 0.0
            output, last = recurrent(self._step, x, states, leaves, rnn.directions, rnn.batch_first, p)
            rows = output.data if isinstance(output, PackedSequence) else output
            found = {"output": rows, **dict(zip(case.cell.final, last, strict=True))}
            losses = [(value * probe.cotangents[name]).sum() for name, value in found.items()]
            gradients = torch.autograd.grad(losses, list(leaves.values())) if case.run.gradients else ()
        found = {name: value.detach() for name, value in found.items()}
        return found | {f"grad {name}": gradient for name, gradient in zip(leaves, gradients, strict=False)}

    @cached_property
    def previous_states(self) -> dict[str, Tensor]:
        """The states that each step started from, by name: (D*num_layers, L, N, features) each."""
        seen: list[States] = []

        def step(x_t: Tensor, states: States, *weights: Any) -> States:
            seen.append(states)
            return self._step(x_t, states, *weights)

        with torch.no_grad():
            self._forward(
                step, self._x, tuple(self._states.values()), self._probe.parameters, self._lengths, self._masks
            )
        found = {}
        for name, states in zip(self._states, zip(*seen, strict=True), strict=True):
            walks = torch.stack(states).unflatten(0, (-1, len(self._x)))  # (D*num_layers, steps as walked, N, features)
            reverse = self._case.rnn.directions == 2
            found[name] = torch.stack(
                [flipped(walk, self._lengths) if reverse and k % 2 else walk for k, walk in enumerate(walks)]
            )
        return found

    def envelope(self, kind: str) -> Envelope:
        """The envelope of a kind of arithmetic: a key of ARITHMETIC."""
        if kind not in self._envelopes:
            self._envelopes[kind] = self._measured(kind)
        return self._envelopes[kind]

    def kinks(self, kind: str) -> int:
        """How many pre-activations of a relu lie within the noise of zero, without the gradients' share of the work."""
        return max(kinks for kinks, _ in self._noisy_runs(kind, gradients=False))

    def _measured(self, kind: str) -> Envelope:
        spread, most = dict[str, Tensor](), 0
        for kinks, tensors in self._noisy_runs(kind, self._case.run.gradients):
            for name, runs in tensors.items():
                moved = (runs[1:] - runs[0]).abs_().amax(0).nan_to_num_(math.inf, math.inf)
                groups = by_group(self._case, name, moved)
                spread[name] = torch.maximum(spread[name], groups) if name in spread else groups
            most = max(most, kinks)
        sizes = {name: by_group(self._case, name, value.abs()) for name, value in self.values.items()}
        spread = {name: self._pooled(name, groups) for name, groups in spread.items()}
        return Envelope(spread, most, 1000 * ARITHMETIC[kind].smallest, sizes)

    def _pooled(self, name: str, spread: Tensor) -> Tensor:
        """The spread, a group of few elements taken together with its neighbours: a few runs of it alone say little.

        Neighbours are the steps before and after; of states, the other sequences of a packed batch.
        """
        kind = name.removeprefix("grad ")
        of_states = (*self._case.cell.initial, *self._case.cell.final)
        if kind not in ("output", "input", *of_states):
            return spread
        packed = self._case.input.layout == "packed"
        features = self._case.rnn.input_size if kind == "input" else self._case.rnn.h_out
        drawn = NOISY_RUNS * features * (1 if packed else self._x.shape[1])
        if drawn >= ENOUGH:
            return spread
        if kind in of_states:
            return spread.amax(-1, keepdim=True).expand_as(spread) if packed else spread
        reach = min(math.ceil(ENOUGH / drawn) // 2, len(spread) - 1)
        padded = F.pad(spread.movedim(0, -1), (reach, reach))  # (..., L + 2 reach)
        return padded.unfold(-1, 2 * reach + 1, 1).amax(-1).movedim(-1, 0)

    # -- the noisy runs ------------------------------------------------------------------------------------------------

    def _noisy_runs(self, kind: str, gradients: bool) -> Iterator[tuple[int, dict[str, Tensor]]]:
        """The kinks and every tensor, (1 + K, *the case's layout*), of NOISY_RUNS in parts: memory stays bounded."""
        for part, runs in enumerate(self._parts()):
            rounding = Rounding(
                ARITHMETIC[kind], 1 + runs, self._x.shape[1], self._case.run.seed + part, self._x.device
            )
            tensors = self._tensors(rounding, 1 + runs, gradients)
            yield self._kinks(rounding), tensors

    def _parts(self) -> Iterator[int]:
        states = self._x.shape[0] * next(iter(self._states.values())).numel()
        weights = sum(value.numel() for value in self._probe.parameters.values() if value.dim() == 2)
        at_once = max(1, min(NOISY_RUNS, NOISY_ELEMENTS // max(1, states, weights)))
        for start in range(0, NOISY_RUNS, at_once):
            yield min(at_once, NOISY_RUNS - start)

    def _tensors(self, rounding: Rounding, runs: int, gradients: bool) -> dict[str, Tensor]:
        x, *states = (given.repeat(1, runs, 1).requires_grad_(gradients) for given in (self._x, *self._states.values()))
        lengths = None if self._lengths is None else self._lengths.repeat(runs)
        params: dict[str, Any] = {
            name: Weight(value) if value.dim() == 2 else value for name, value in self._probe.parameters.items()
        }
        weights = {name: weight for name, weight in params.items() if isinstance(weight, Weight)}
        cotangents = [cotangent.repeat(1, runs, 1) for cotangent in self._cotangents]
        masks = [mask.repeat(1, runs, 1) for mask in self._masks]
        with rounding, torch.set_grad_enabled(gradients):
            output, final = self._forward(self._step, x, tuple(states), params, lengths, masks)
            if gradients:
                outputs = zip((output, *final), cotangents, strict=True)
                losses = [(value * cotangent).sum() for value, cotangent in outputs]
                products = [edge for weight in weights.values() for edge in weight.products]
                arrived = torch.autograd.grad(losses, [x, *states, *products])
        found = {"output": self._in_layout(output, runs)}
        found |= {name: self._state_in_layout(s, runs) for name, s in zip(self._case.cell.final, final, strict=True)}
        if not gradients:
            return found
        found["grad input"] = self._in_layout(arrived[0], runs)
        for name, state in zip(self._probe.states, arrived[1:], strict=False):
            found[f"grad {name}"] = self._state_in_layout(state, runs)
        deltas = iter(arrived[1 + len(states) :])
        for name, weight in weights.items():
            found |= self._of_parameters(name, weight, [next(deltas) for _ in weight.products], runs, rounding)
        return found

    def _of_parameters(
        self, name: str, weight: Weight, deltas: list[Tensor], runs: int, rounding: Rounding
    ) -> dict[str, Tensor]:
        """The gradients of a weight, and of the bias that is added to its products: sums over all steps."""
        with torch.no_grad():
            delta, x = (self._by_run(values, runs) for values in (deltas, weight.inputs))
        gradient = delta.mT @ x  # (1 + K, rows of W, columns of W)
        rounding.move_sum(gradient, delta[0].abs().T @ x[0].abs(), len(self._x))
        found = {f"grad {name}": gradient}
        bias = name.replace("weight", "bias")
        if bias in self._probe.parameters:
            found[f"grad {bias}"] = gradient = delta.sum(1)
            rounding.move_sum(gradient, delta[0].abs().sum(0), len(self._x))
        return found

    def _forward(
        self,
        step: Step,
        x: Tensor,
        states: States,
        params: dict[str, Any],
        lengths: Tensor | None,
        masks: list[Tensor],
    ) -> tuple[Tensor, States]:
        """output and the last states, layer by layer: nn.RNN's dropout masks lie between them."""
        directions, final = self._case.rnn.directions, []
        for layer in range(self._case.rnn.num_layers):
            rows = slice(layer * directions, (layer + 1) * directions)
            matches = [(re.fullmatch(rf"(\w+_l){layer}(|_reverse)", name), value) for name, value in params.items()]
            of_layer = {f"{match[1]}0{match[2]}": value for match, value in matches if match}
            for suffix, reverse in (("", False), ("_reverse", True))[:directions]:
                weight = of_layer[f"weight_ih_l0{suffix}"]
                if isinstance(weight, Weight):
                    weight.foresee(flipped(x, lengths) if reverse else x)
            x, last = stack(step, x, tuple(state[rows] for state in states), of_layer, directions, 0.0, lengths)
            final.append(last)
            x = x * masks[layer] if layer < len(masks) else x
        return x, tuple(torch.cat(rows) for rows in zip(*final, strict=True))

    def _kinks(self, rounding: Rounding) -> int:
        """The kinks of all steps within their sequences."""
        if not rounding.kinks:
            return 0
        walks = torch.stack(rounding.kinks).unflatten(0, (-1, len(self._x)))  # (D*num_layers, steps as walked, N)
        if self._lengths is None:
            return int(walks.sum())
        return int(walks[:, torch.arange(len(self._x))[:, None] < self._lengths].sum())

    # -- what the probe holds, in the shapes of this file --------------------------------------------------------------

    @cached_property
    def _x(self) -> Tensor:
        """The input as (L, N, H_in)."""
        return time_first(self._case, self._probe.input)

    @cached_property
    def _states(self) -> dict[str, Tensor]:
        """The states that go in, (D*num_layers, N, features) each, by name; zeros where they are omitted."""
        likes = {name: self._probe.cotangents[name.replace("_0", "_n")] for name in self._case.cell.initial}
        given = {name: self._probe.states.get(name, torch.zeros_like(like)) for name, like in likes.items()}
        return {name: self._batched(value) for name, value in given.items()}

    @cached_property
    def _cotangents(self) -> list[Tensor]:
        """Those of output and of each state."""
        output, *states = (self._probe.cotangents[name] for name in results(self._case))
        return [time_first(self._case, output), *map(self._batched, states)]

    @cached_property
    def _lengths(self) -> Tensor | None:
        return torch.tensor(self._case.input.sequence_lengths) if self._case.input.layout == "packed" else None

    @cached_property
    def _masks(self) -> list[Tensor]:
        """What dropout multiplies the output of each layer but the last with, (L, N, D*H_out): nn.RNN's, on CPU.

        It draws in the order of time, and over `.data` when packed.
        """
        rnn, given = self._case.rnn, self._probe.input
        if not (self._case.run.train and rnn.dropout and rnn.num_layers > 1):
            return []
        torch.default_generator.manual_seed(self._case.run.seed)
        packed = self._case.input.layout == "packed"
        ones = given.new_ones(*((len(given),) if packed else self._x.shape[:2]), rnn.h_out * rnn.directions)
        drawn = [F.dropout(ones, rnn.dropout) for _ in range(rnn.num_layers - 1)]
        return [time_first(self._case, mask) if packed else mask for mask in drawn]

    def _by_run(self, values: list[Tensor], runs: int) -> Tensor:
        """(L, (1 + K) * N, features), or L of ((1 + K) * N, features) -> (1 + K, L * N, features)."""
        if len(values) > 1:
            return torch.stack(values, dim=1).view(runs, -1, values[0].shape[-1])
        return values[0].unflatten(-2, (runs, -1)).movedim(-3, 0).flatten(1, -2)

    def _batched(self, state: Tensor) -> Tensor:
        """A state in the case's layout -> (D*num_layers, N, features)."""
        return state.unsqueeze(1) if self._case.input.layout == "unbatched" else state

    def _state_in_layout(self, state: Tensor, runs: int) -> Tensor:
        """(D*num_layers, (1 + K) * N, features) -> (1 + K, D*num_layers, N, features), or without N unbatched."""
        by_run = state.detach().unflatten(1, (runs, -1)).movedim(1, 0)
        return by_run.squeeze(2) if self._case.input.layout == "unbatched" else by_run

    def _in_layout(self, sequence: Tensor, runs: int) -> Tensor:
        """(L, (1 + K) * N, features) -> (1 + K, *the case's layout*)."""
        return in_layout(self._case, sequence.detach().unflatten(1, (runs, -1)).movedim(1, 0))
