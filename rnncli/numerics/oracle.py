"""The oracle: the equations in float64, forward and backward, and how far honest rounding moves each value of them.

    z_t = x_t W_ih^T + b_ih + h_(t-1) W_hh^T + b_hh        h_t = f(z_t)
    delta_t = (g_t + delta_(t+1) W_hh) f'(z_t)             g_t: the gradient of h_t from outside the recurrence

The backward is written out, without autograd, so that noise of a dtype's unit roundoff can be added wherever that dtype
rounds: rounding in gradients is not the gradient of rounded values. The spread of a few noisy runs is the noise
envelope. Inside this file a sequence is (L, K, N, features), of K runs at once, zero where a packed sequence has ended.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from rnncli.core.case import Case
from rnncli.core.memory import NOISY_ELEMENTS, NOISY_RUNS
from rnncli.numerics.locate import by_group
from rnncli.numerics.noise import ARITHMETIC, Noise
from rnncli.numerics.probe import Probe, in_layout, time_first

ENOUGH = 64  # normal numbers, for the largest of them to say how far rounding goes
KINK_MARGIN = 3.0  # times the spread of a relu's pre-activation: closer to zero than that, rounding may flip it


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


@dataclass(frozen=True)
class Walk:
    """One layer in one direction: what it is given."""

    suffix: str
    order: range  # the time steps, in the order they are walked
    weight_ih: Tensor  # (H_out, features)
    weight_hh: Tensor  # (H_out, H_out)
    biases: tuple[Tensor, ...]  # (H_out,) each
    h_0: Tensor  # (1, N, H_out)
    h_n_cotangent: Tensor  # (1, N, H_out)
    valid: Tensor | None  # (L, 1, N, 1), False where a packed sequence has ended

    def previous(self, states: Tensor) -> Tensor:
        """The state each step started from, given that after each step: (L, K, N, H_out) both."""
        first = self.h_0.expand_as(states[:1])
        return torch.cat([first, states[:-1]] if self.order.step > 0 else [states[1:], first])

    def arriving(self, deltas: Tensor) -> Tensor:
        """The gradient each step's state gets from the step after it, given every delta: (L, K, N, H_out) both."""
        onward = deltas @ self.weight_hh
        if self.valid is not None:
            onward = torch.where(self.valid, onward, self.h_n_cotangent)
        last = self.h_n_cotangent.expand_as(onward[:1])
        return torch.cat([onward[1:], last] if self.order.step > 0 else [last, onward[:-1]])


@dataclass(frozen=True)
class Run:
    """What K runs computed. `inputs` by layer, the rest by layer and direction; (L, K, N, features) each."""

    inputs: list[Tensor] = field(default_factory=list)
    states: list[Tensor] = field(default_factory=list)
    z: list[Tensor] = field(default_factory=list)  # of relu alone, where gradients may meet its kink
    deltas: dict[int, Tensor] = field(default_factory=dict)
    outside: dict[int, Tensor] = field(default_factory=dict)  # g


class Oracle:
    """A case's values in float64 on one probe, and the noise envelope of any arithmetic around them."""

    def __init__(self, case: Case, probe: Probe) -> None:
        """The probe lies in float64, on the device the oracle is to run on."""
        self._case, self._probe = case, probe
        self._envelopes: dict[str, Envelope] = {}
        self._clean = Run()

    @cached_property
    def values(self) -> dict[str, Tensor]:
        """output, h_n and, where the case has gradients, `grad <leaf>`, in the case's layout."""
        return {name: value[0] for name, value in self._tensors(self._clean, 1, None).items()}

    @cached_property
    def previous_states(self) -> dict[str, Tensor]:
        """The states each step started from, by name: (D*num_layers, L, N, features) each."""
        self.values  # noqa: B018  # the noise-free run
        walked = zip(self._walks, self._clean.states, strict=True)
        return {"h_0": torch.stack([walk.previous(states)[:, 0] for walk, states in walked])}

    def envelope(self, kind: str) -> Envelope:
        """The envelope of a kind of arithmetic: a key of ARITHMETIC."""
        if kind not in self._envelopes:
            self._envelopes[kind] = self._measure(kind)
        return self._envelopes[kind]

    def kinks(self, kind: str) -> int:
        """How many pre-activations of a relu lie within the noise of zero, without the gradients' share of the work."""
        noise, found = self._noise(kind), 0
        for runs in self._chunks():
            noisy = Run()
            self.values  # noqa: B018  # the noise-free run
            self._outputs(noisy, runs, noise)
            found = max(found, sum(map(self._kinks, self._clean.z, noisy.z)))
        return found

    def _noise(self, kind: str) -> Noise:
        return Noise(ARITHMETIC[kind], self._case.run.seed, self._x.device)

    def _measure(self, kind: str) -> Envelope:
        clean, spread, kinks = self.values, dict[str, Tensor](), 0
        noise = self._noise(kind)
        for runs in self._chunks():
            noisy = Run()
            for name, values in self._tensors(noisy, runs, noise).items():
                moved = values.sub(clean[name]).abs_().amax(0).nan_to_num_(math.inf, math.inf)
                groups = by_group(self._case, name, moved)
                spread[name] = torch.maximum(spread[name], groups) if name in spread else groups
            kinks = max(kinks, sum(map(self._kinks, self._clean.z, noisy.z)))
        sizes = {name: by_group(self._case, name, value.abs()) for name, value in clean.items()}
        spread = {name: self._pooled(name, groups) for name, groups in spread.items()}
        return Envelope(spread, kinks, 1000 * ARITHMETIC[kind].smallest, sizes)

    def _pooled(self, name: str, spread: Tensor) -> Tensor:
        """The spread, a group of few elements taken together with its neighbours: a few runs of it alone say little.

        Neighbours are the steps before and after; of states, the other sequences of a packed batch.
        """
        kind = name.removeprefix("grad ")
        if kind not in ("output", "input", "h_n", "h_0"):
            return spread
        packed = self._case.input.layout == "packed"
        features = self._case.rnn.input_size if kind == "input" else self._case.rnn.hidden_size
        drawn = NOISY_RUNS * features * (1 if packed else self._x.shape[2])
        if drawn >= ENOUGH:
            return spread
        if kind in ("h_n", "h_0"):
            return spread.amax(-1, keepdim=True).expand_as(spread) if packed else spread
        reach = min(math.ceil(ENOUGH / drawn) // 2, len(spread) - 1)
        padded = F.pad(spread.movedim(0, -1), (reach, reach))  # (..., L + 2 reach)
        return padded.unfold(-1, 2 * reach + 1, 1).amax(-1).movedim(-1, 0)

    def _chunks(self) -> Iterator[int]:
        """NOISY_RUNS in parts, so that memory stays bounded whatever the size of the case."""
        steps, _, batch, _ = self._x.shape
        states = steps * batch * self._case.rnn.hidden_size * len(self._walks)
        weights = sum(walk.weight_ih.numel() + walk.weight_hh.numel() for walk in self._walks)
        at_once = max(1, min(NOISY_RUNS, NOISY_ELEMENTS // max(1, states, weights)))
        for start in range(0, NOISY_RUNS, at_once):
            yield min(at_once, NOISY_RUNS - start)

    def _kinks(self, clean: Tensor, noisy: Tensor) -> int:
        spread = (noisy - clean).abs().amax(1, keepdim=True)  # (L, 1, N, H_out)
        near = ~(clean.abs() > KINK_MARGIN * spread) & (spread != 0)
        return int((near if self._valid is None else near & self._valid).sum())

    # -- the equations -------------------------------------------------------------------------------------------------

    def _tensors(self, run: Run, runs: int, noise: Noise | None) -> dict[str, Tensor]:
        """Every tensor of the case, with an axis of K runs in front. Fills `run` on the way."""
        tensors = self._outputs(run, runs, noise)
        return tensors | (self._gradients(run, runs, noise) if self._case.run.gradients else {})

    def _outputs(self, run: Run, runs: int, noise: Noise | None) -> dict[str, Tensor]:
        """output and h_n."""
        rnn, x = self._case.rnn, self._x
        for layer in range(rnn.num_layers):
            run.inputs.append(x)
            for index in self._indices(layer):
                run.states.append(self._forward(index, x, run, runs, noise))
            x = torch.cat(run.states[-rnn.directions :], dim=-1)  # (L, K, N, D*H_out)
            if self._masks and layer < rnn.num_layers - 1:
                x = x * self._masks[layer]
        final = [states[walk.order[-1]] for walk, states in zip(self._walks, run.states, strict=True)]
        return {"output": self._in_layout(x), "h_n": self._state_in_layout(final)}

    def _forward(self, index: int, x: Tensor, run: Run, runs: int, noise: Noise | None) -> Tensor:
        """One layer in one direction: x (L, 1 or K, N, features) -> states (L, K, N, H_out)."""
        walk, tanh = self._walks[index], self._case.rnn.nonlinearity == "tanh"
        driven = sum(walk.biases, x @ walk.weight_ih.T)  # (L, 1 or K, N, H_out)
        added = noise.of_states(walk, self._clean, index, index // self._case.rnn.directions, runs) if noise else None
        inputs, valid = driven.unbind(0), walk.valid.unbind(0) if walk.valid is not None else None
        h = walk.h_0.expand(runs, -1, -1)  # (K, N, H_out)
        states, z_of_step = [h] * len(inputs), [h] * len(inputs)
        for t in walk.order:
            z = inputs[t] + h @ walk.weight_hh.T
            if added:
                to_z, to_h = next(added)
                z += to_z
            h_next = z.tanh() if tanh else z.relu()
            if added:
                h_next += to_h
            h = h_next if valid is None else torch.where(valid[t], h_next, h)
            states[t], z_of_step[t] = h, z
        if not tanh and self._case.run.gradients:
            run.z.append(torch.stack(z_of_step))
        return torch.stack(states)

    def _gradients(self, run: Run, runs: int, noise: Noise | None) -> dict[str, Tensor]:
        """`grad input`, `grad <parameter>` and `grad h_0`, under the cotangents of output and h_n."""
        rnn = self._case.rnn
        g = time_first(self._case, self._probe.cotangents["output"]).unsqueeze(1)  # (L, 1, N, D*H_out)
        found: dict[str, Tensor] = {}
        of_h_0 = [self._h_0] * len(self._walks)
        for layer in reversed(range(rnn.num_layers)):
            to_inputs = []
            for index, outside in zip(self._indices(layer), torch.split(g, rnn.hidden_size, -1), strict=True):
                delta, of_h_0[index] = self._backward(index, outside, run, runs, noise)
                found |= self._of_parameters(index, run, noise)
                weight_ih = self._walks[index].weight_ih
                to_input = delta @ weight_ih  # (L, K, N, features)
                to_inputs.append(
                    noise.on_product(to_input, self._clean.deltas[index], weight_ih) if noise else to_input
                )
            g = sum(to_inputs[1:], to_inputs[0])
            if noise and len(to_inputs) > 1:
                g = noise.on_stored(g)
            if self._masks and layer:
                g = g * self._masks[layer - 1]
        found["grad input"] = self._in_layout(g)
        if self._probe.states:
            found["grad h_0"] = self._state_in_layout(of_h_0)
        return found

    def _backward(self, index: int, g: Tensor, run: Run, runs: int, noise: Noise | None) -> tuple[Tensor, Tensor]:
        """delta (L, K, N, H_out), the gradient of every pre-activation, and that of h_0, (K, N, H_out)."""
        walk, states = self._walks[index], run.states[index]
        if self._case.rnn.nonlinearity == "relu":
            slope = (run.z[index] > 0).to(states.dtype)  # (L, K, N, H_out)
        else:
            slope = 1 - states * states
            slope = noise.on_square(slope, states) if noise else slope
        slope = slope if walk.valid is None else slope * walk.valid
        added = noise.of_deltas(walk, self._clean, index, runs) if noise else None
        slopes, outside = slope.unbind(0), g.unbind(0)
        valid = walk.valid.unbind(0) if walk.valid is not None else None
        carried = walk.h_n_cotangent.expand(runs, -1, -1)  # (K, N, H_out)
        deltas = [carried] * len(slopes)
        for t in reversed(walk.order):
            arriving = outside[t] + carried
            if added:
                to_arriving, to_delta = next(added)
                delta = (arriving + to_arriving) * slopes[t] + to_delta
            else:
                delta = arriving * slopes[t]
            onward = delta @ walk.weight_hh
            carried = onward if valid is None else torch.where(valid[t], onward, carried)
            deltas[t] = delta
        run.deltas[index], run.outside[index] = torch.stack(deltas), g
        if noise:
            carried = noise.on_product(carried, self._clean.deltas[index][walk.order[0]], walk.weight_hh)
        return run.deltas[index], carried

    def _of_parameters(self, index: int, run: Run, noise: Noise | None) -> dict[str, Tensor]:
        """The gradients of one layer and direction's weights and biases: (K, H_out, features) and (K, H_out)."""
        walk, layer = self._walks[index], index // self._case.rnn.directions
        delta, clean_delta = _rows(run.deltas[index]), _rows(self._clean.deltas[index])  # (K, L*N, H_out)
        found = {}
        for name, factor, clean in (
            ("weight_ih", run.inputs[layer], self._clean.inputs[layer]),
            (
                "weight_hh",
                walk.previous(run.states[index]),
                walk.previous(self._clean.states[index]) if noise else None,
            ),
        ):
            gradient = delta.mT @ _rows(factor)
            if noise and clean is not None:
                gradient = noise.on_sum(gradient, clean_delta.abs().mT @ _rows(clean).abs(), len(walk.order))
            found[f"grad {name}_{walk.suffix}"] = gradient
        for name in ("bias_ih", "bias_hh")[: len(walk.biases)]:
            gradient = delta.sum(1)
            if noise:
                gradient = noise.on_sum(gradient, clean_delta.abs().sum(1), len(walk.order))
            found[f"grad {name}_{walk.suffix}"] = gradient
        return found

    def _indices(self, layer: int) -> range:
        directions = self._case.rnn.directions
        return range(layer * directions, (layer + 1) * directions)

    # -- what the probe holds, in the shapes of this file --------------------------------------------------------------

    @cached_property
    def _walks(self) -> list[Walk]:
        """By layer and direction, as h_0 counts them."""
        rnn, parameters, steps = self._case.rnn, self._probe.parameters, self._x.shape[0]
        cotangents, names = self._with_runs(self._probe.cotangents["h_n"]), ("bias_ih", "bias_hh") if rnn.bias else ()
        walks = []
        for index in range(rnn.num_layers * rnn.directions):
            layer, reverse = divmod(index, rnn.directions)
            suffix = f"l{layer}_reverse" if reverse else f"l{layer}"
            walks.append(
                Walk(
                    suffix,
                    range(steps)[::-1] if reverse else range(steps),
                    parameters[f"weight_ih_{suffix}"],
                    parameters[f"weight_hh_{suffix}"],
                    tuple(parameters[f"{name}_{suffix}"] for name in names),
                    self._h_0[index],
                    cotangents[index],
                    self._valid,
                )
            )
        return walks

    @cached_property
    def _x(self) -> Tensor:
        """The input as (L, 1, N, H_in)."""
        return time_first(self._case, self._probe.input).unsqueeze(1)

    @cached_property
    def _valid(self) -> Tensor | None:
        if self._case.input.layout != "packed":
            return None
        rows = self._probe.input.new_ones(len(self._probe.input), 1, dtype=torch.bool)
        return time_first(self._case, rows).unsqueeze(1)

    @cached_property
    def _h_0(self) -> Tensor:
        """(D*num_layers, 1, N, H_out), zeros where it is omitted."""
        given = self._probe.cotangents["h_n"].new_zeros(()) if not self._probe.states else self._probe.states["h_0"]
        return self._with_runs(given.expand_as(self._probe.cotangents["h_n"]))

    @cached_property
    def _masks(self) -> list[Tensor]:
        """What dropout multiplies the output of each layer but the last with, (L, 1, N, D*H_out): nn.RNN's, on CPU.

        It draws in the order of time, and over `.data` when packed.
        """
        rnn, given = self._case.rnn, self._probe.input
        if not (self._case.run.train and rnn.dropout and rnn.num_layers > 1):
            return []
        torch.default_generator.manual_seed(self._case.run.seed)
        packed, (steps, _, batch, _) = self._case.input.layout == "packed", self._x.shape
        ones = given.new_ones(*((len(given),) if packed else (steps, batch)), rnn.hidden_size * rnn.directions)
        drawn = [F.dropout(ones, rnn.dropout) for _ in range(rnn.num_layers - 1)]
        return [(time_first(self._case, mask) if packed else mask).unsqueeze(1) for mask in drawn]

    def _in_layout(self, x: Tensor) -> Tensor:
        """(L, K, N, features) -> (K, *the case's layout*)."""
        return in_layout(self._case, x.movedim(1, 0))

    def _with_runs(self, state: Tensor) -> Tensor:
        """h_0 or h_n in the case's layout -> (D*num_layers, 1, N, H_out)."""
        return state[:, None, None] if self._case.input.layout == "unbatched" else state.unsqueeze(1)

    def _state_in_layout(self, states: list[Tensor]) -> Tensor:
        """D*num_layers of (K, N, H_out) -> (K, D*num_layers, N, H_out), or without N unbatched."""
        stacked = torch.stack(states, dim=1)
        return stacked.squeeze(2) if self._case.input.layout == "unbatched" else stacked


def _rows(sequence: Tensor) -> Tensor:
    """(L, K, N, features) -> (K, L*N, features)."""
    return sequence.movedim(1, 0).flatten(1, 2)
