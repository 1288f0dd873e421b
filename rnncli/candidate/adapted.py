"""A candidate in canonical form: called by its own conventions, with what it does not claim done around it."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from rnncli.candidate.bind import Bound, Missing, Native
from rnncli.case import Case, altered

_BATCH_FIRST = str.maketrans("LN", "NL")
_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_LAYOUT_WORDS = {"LNI": "time-first", "NLI": "batch-first", "LI": "one sequence (L, H_in)", "INL": "features first"}


@dataclass(frozen=True)
class Convention:
    """How a candidate is called. Axes by letter: L N, I features in, S rows of h_0, H and F features out, 1 none.

    A comma after a letter makes it a list along that axis. `state` is None where no state is taken.
    """

    input: str
    state: str | None
    binding: Bound
    steps: bool = False

    def as_input(self, x: Tensor) -> Any:
        """x (L, N, H_in), or of a step (N, H_in), laid out."""
        return laid_out(x, "NI" if self.steps else "LNI", self.input)

    def as_state(self, h: Tensor | None) -> Any:
        """h (S, N, H_out), laid out."""
        return None if h is None or self.state is None else laid_out(h, "SNH", self.state)


@dataclass(frozen=True)
class Part:
    """Where a tensor stands in what a candidate returns, and its axes."""

    path: tuple[int | str, ...]
    axes: str

    def of(self, returned: Any, target: str) -> Tensor:
        """The tensor with the axes of `target`."""
        returned = at(returned, self.path)
        if self.axes == "?":
            return as_tensor(returned)
        if "," in self.axes:
            returned = torch.stack([as_tensor(item) for item in returned])
        value, axes = as_tensor(returned), self.axes.replace(",", "")
        if value.dim() == len(axes) - 1:  # without the axis of size 1 that a given h_0 brought in
            axes = axes.replace("S", "", 1) if "S" in axes else axes.replace("1", "", 1)
        return arranged(value, axes, target)


@dataclass(frozen=True)
class Reading:
    """How a candidate is called and what it returns; what it claims beyond one tanh layer in one direction."""

    convention: Convention
    output: Part | None
    h_n: Part | None
    layers: bool
    directions: bool
    agrees: bool
    nonlinearity: str  # of the trial


class Adapted:
    """A candidate in canonical form: called by its own conventions, with what it does not claim done around it.

    Layers are stacked, directions flipped and joined, packed sequences run one by one, a missing batch axis likewise.
    """

    def __init__(self, native: Native, reading: Reading, always_both: bool = False) -> None:
        self.native, self.reading, self.always_both = native, reading, always_both

    @property
    def arrays(self) -> bool:
        """Whether it computes with numpy, which knows no gradients."""
        return self.reading.convention.binding.numpy

    @property
    def returned(self) -> tuple[bool, bool]:
        """Whether output and h_n come out of it; h_n of a single layer is output's last step."""
        reading = self.reading
        if reading.convention.steps:
            return True, True
        return reading.output is not None, reading.h_n is not None or (
            reading.output is not None and not reading.layers
        )

    def unsupported(self, case: Case) -> str | None:
        """What of a case the candidate does not claim and nobody can do for it."""
        rnn, reading = case.rnn, self.reading
        if self.always_both:
            return "it runs both directions, always: one alone is not supported"
        if reading.agrees and reading.nonlinearity != rnn.nonlinearity and not self.native.has("nonlinearity"):
            return f"it takes no nonlinearity, and computes {reading.nonlinearity}: {rnn.nonlinearity} is not supported"
        stacked = rnn.num_layers > 1 and not whole(reading, case)
        if stacked and not self.returned[0]:
            return f"it returns the last state alone: {rnn.num_layers} layers cannot be stacked"
        if not reading.agrees and self.native.reads_out and (reading.output is None or reading.h_n is None):
            return "it has weights after the recurrence, and its states do not come out of it"
        if case.run.train and rnn.dropout and rnn.num_layers > 1 and not stacked and not self.native.has("dropout"):
            return "it takes no dropout"
        return None

    def described(self) -> str:
        """How it is called, in a line."""
        convention, binding, reading = self.reading.convention, self.reading.convention.binding, self.reading
        words = [self.native.kind]
        if convention.steps:
            words.append("called per step")
        else:
            words.append(_LAYOUT_WORDS.get(convention.input, f"input as ({', '.join(convention.input)})"))
        if not self.native.takes_state:
            words.append("no h_0")
        elif convention.state not in ("SNH", None):
            words.append(f"h_0 as {shown_axes(convention.state)}")
        said = {"yes": "weights transposed", "hh": "weight_hh transposed"}
        words += [said[binding.transposed]] if binding.transposed in said else []
        words += ["biases summed"] if self.native.one_bias else []
        words += ["lists of weights"] if binding.listed else []
        words += ["numpy, without gradients"] if binding.numpy else []
        words += [f"depends on the module's {self.native.depends_on}"] if self.native.depends_on else []
        parts = [
            name if part.axes in ("LNF", "SNH") else f"{name} as {shown_axes(part.axes)}"
            for name, part in (("output", reading.output), ("h_n", reading.h_n))
            if part is not None
        ]
        if not convention.steps:
            words.append(f"returns ({', '.join(parts)})" if len(parts) > 1 else f"returns {parts[0]}")
        return ", ".join(words)

    def around(self, case: Case) -> str | None:
        """What is done around it, in words."""
        rnn, done = case.rnn, []
        if not whole(self.reading, case):
            done += ["layers"] if rnn.num_layers > 1 else []
            done += ["directions"] if rnn.bidirectional and not self.reading.directions else []
        return f"{' and '.join(done)} put together by rnncli" if done else None

    def __call__(
        self, input: Tensor | PackedSequence, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case
    ) -> Any:
        """The canonical call. output or h_n is None where the candidate does not return it."""
        if self.native.drop_in and whole(self.reading, case):
            return self._as_nn_rnn(input, h_0, params, case)
        if isinstance(input, PackedSequence):
            return self._packed(input, h_0, params, case)
        if case.input.layout == "unbatched":
            output, h_n = self._batched(input.unsqueeze(1), _unsqueezed(h_0), params, case)
            return _squeezed(output), _squeezed(h_n)
        x = input.transpose(0, 1) if case.rnn.batch_first else input
        asked = case.rnn.batch_first and self.native.has("batch_first") and self.reading.convention.input == "LNI"
        output, h_n = self._batched(x, h_0, params, case, batch_first=asked)
        return (output.transpose(0, 1) if case.rnn.batch_first and output is not None else output), h_n

    def _as_nn_rnn(self, input: Any, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case) -> Any:
        """A drop-in for nn.RNN is given what nn.RNN is given."""
        convention = self.reading.convention
        if isinstance(input, PackedSequence) and not self.native.packs:
            return self._packed(input, h_0, params, case)
        if case.input.layout == "unbatched" and not self.native.unbatched:
            output, h_n = self._batched(input.unsqueeze(1), _unsqueezed(h_0), params, case)
            return _squeezed(output), _squeezed(h_n)
        if case.rnn.batch_first and not self.native.has("batch_first"):
            output, h_n = self._batched(input.transpose(0, 1), h_0, params, case)
            return (None if output is None else output.transpose(0, 1)), h_n
        returned = self.native.call(input, h_0, params, case, convention.binding)
        places = self.reading.output, self.reading.h_n
        return tuple(None if part is None else at(returned, part.path) for part in places)

    def _packed(self, input: PackedSequence, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case) -> Any:
        """Each sequence alone, and packed again."""
        padded, lengths = pad_packed_sequence(input)  # (L, N, H_in), in the caller's order
        outputs, finals = [], []
        for n, length in enumerate(lengths.tolist()):
            output, h_n = self._batched(
                padded[:length, n : n + 1], None if h_0 is None else h_0[:, n : n + 1], params, case
            )
            outputs.append(output)
            finals.append(h_n)
        h_n, known = _joined(finals, 1), [output for output in outputs if output is not None]
        if not known:
            return None, h_n
        order = range(len(known)) if input.sorted_indices is None else input.sorted_indices.tolist()
        rows = [
            known[n][t, 0]
            for t, running in enumerate(input.batch_sizes.tolist())
            for n in itertools.islice(order, running)
        ]
        return input._replace(data=torch.stack(rows)), h_n

    def _batched(
        self, x: Tensor, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case, batch_first: bool = False
    ) -> tuple[Tensor | None, Tensor | None]:
        """x (L, N, H_in) -> (L, N, D*H_out), (D*num_layers, N, H_out).

        `batch_first`: the candidate takes that argument, is given it, and an input laid out accordingly.
        """
        if whole(self.reading, case):
            part = _part(case, case.rnn.num_layers, case.rnn.bidirectional, x)
            return self._unit(x, h_0, params, altered(part, rnn={"batch_first": batch_first}))
        finals: list[Tensor | None] = []
        output: Tensor | None = x
        directions = case.rnn.directions
        for layer in range(case.rnn.num_layers):
            state = None if h_0 is None else h_0[layer * directions : (layer + 1) * directions]
            assert output is not None
            output, final = self._layer(output, state, params, layer, case)
            finals.append(final)
            if output is None:
                break
            if case.run.train and case.rnn.dropout and layer < case.rnn.num_layers - 1:
                output = torch.nn.functional.dropout(output, case.rnn.dropout)
        return output, _joined(finals, 0)

    def _layer(
        self, x: Tensor, h_0: Tensor | None, params: Mapping[str, Tensor], layer: int, case: Case
    ) -> tuple[Tensor | None, Tensor | None]:
        """One layer: as one call, or a call for each direction."""
        if self.reading.directions or not case.rnn.bidirectional:
            own = _renamed(params, f"l{layer}", "l0") | _renamed(params, f"l{layer}_reverse", "l0_reverse")
            return self._unit(x, h_0, own, _part(case, 1, case.rnn.bidirectional, x))
        halves, finals = [], []
        for direction, suffix in enumerate(("", "_reverse")):
            own = _renamed(params, f"l{layer}{suffix}", "l0")
            state = None if h_0 is None else h_0[direction : direction + 1]
            output, final = self._unit(x.flip(0) if direction else x, state, own, _part(case, 1, False, x))
            halves.append(output.flip(0) if direction and output is not None else output)
            finals.append(final)
        return _joined(halves, -1), _joined(finals, 0)

    def _unit(
        self, x: Tensor, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case
    ) -> tuple[Tensor | None, Tensor | None]:
        """What the candidate itself computes: x (L, N, H_in) -> (L, N, D*H_out), (S, N, H_out)."""
        convention = self.reading.convention
        if "N" not in convention.input and x.shape[1] != 1:
            parts = [
                self._unit(x[:, n : n + 1], None if h_0 is None else h_0[:, n : n + 1], params, case)
                for n in range(x.shape[1])
            ]
            outputs, finals = zip(*parts, strict=True)
            return _joined(outputs, 1), _joined(finals, 1)
        if convention.steps:
            return self._steps(x, h_0, params, case)
        given_h = h_0 if h_0 is not None or self.native.optional_state else _zeros(x, params, case)
        output_part = self.reading.output
        if case.rnn.batch_first:
            convention = replace(convention, input="NLI")
            output_part = output_part and replace(output_part, axes=output_part.axes.translate(_BATCH_FIRST))
        returned = self.native.call(
            convention.as_input(x), convention.as_state(given_h), params, case, convention.binding
        )
        output = self._as(x, part_of(output_part, returned, "LNF"))
        h_n = self._as(x, part_of(self.reading.h_n, returned, "SNH"))
        if h_n is None and output is not None and case.rnn.num_layers == 1:
            halves = torch.split(output, case.rnn.hidden_size, -1)
            h_n = torch.stack([half[0] if direction else half[-1] for direction, half in enumerate(halves)])
        return output, h_n

    def _as(self, x: Tensor, value: Tensor | None) -> Tensor | None:
        """A result in x's dtype where numpy, whose own is float64, gave a wider one."""
        wider = self.arrays and value is not None and value.dtype.itemsize > x.dtype.itemsize
        return value.to(x.dtype) if wider and value is not None else value

    def _steps(
        self, x: Tensor, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case
    ) -> tuple[Tensor | None, Tensor | None]:
        convention = self.reading.convention
        h = _zeros(x, params, case) if h_0 is None else h_0  # (1, N, H_out)
        states = []
        for x_t in x.unbind(0):
            returned = self.native.call(
                convention.as_input(x_t), convention.as_state(h), params, case, convention.binding
            )
            after = self._as(x, part_of(self.reading.h_n, returned, "SNH"))
            assert after is not None
            h = after
            states.append(h[0])
        return torch.stack(states), h


def whole(reading: Reading, case: Case) -> bool:
    """Whether the candidate takes the whole case in one call."""
    directions = reading.directions or not case.rnn.bidirectional
    return directions and (reading.layers or case.rnn.num_layers == 1)


def _renamed(params: Mapping[str, Tensor], suffix: str, to: str) -> dict[str, Tensor]:
    """The parameters with a suffix, as l1_reverse, under another."""
    return {f"{name}_{to}": params[f"{name}_{suffix}"] for name in _NAMES if f"{name}_{suffix}" in params}


def _part(case: Case, layers: int, bidirectional: bool, x: Tensor) -> Case:
    """The case of one call, time-first, of the sizes of x."""
    rnn = {"num_layers": layers, "bidirectional": bidirectional, "batch_first": False, "input_size": x.shape[-1]}
    given = {"layout": "batched", "seq_len": x.shape[0], "batch_size": x.shape[1], "lengths": None}
    return altered(case, rnn=rnn, input=given)


def _zeros(x: Tensor, params: Mapping[str, Tensor], case: Case) -> Tensor:
    return x.new_zeros(case.rnn.num_layers * case.rnn.directions, x.shape[1], params["weight_hh_l0"].shape[0])


def _joined(parts: Sequence[Tensor | None], axis: int) -> Tensor | None:
    """The parts together, or None where one is missing."""
    known = [part for part in parts if part is not None]
    return torch.cat(known, axis) if len(known) == len(parts) else None


def _unsqueezed(h_0: Tensor | None) -> Tensor | None:
    return None if h_0 is None else h_0.unsqueeze(1)


def _squeezed(value: Tensor | None) -> Tensor | None:
    return None if value is None else value.squeeze(1)


# -- axes --------------------------------------------------------------------------------------------------------------


def laid_out(x: Tensor, axes: str, target: str) -> Any:
    """x with `axes`, moved to those of `target`; a list of tensors where that has a comma."""
    plain = target.replace(",", "")
    moved = arranged(x, axes, plain)
    return list(moved.unbind(0)) if "," in target else moved


def arranged(x: Tensor, axes: str, target: str) -> Tensor:
    """x with `axes`, moved to those of `target`; what is not in both has size 1."""
    keep = [letter for letter in axes if letter in target and letter != "1"]
    for position in reversed(range(len(axes))):
        if axes[position] not in keep:
            if x.shape[position] != 1:
                raise Missing(f"an axis of {x.shape[position]} where one of 1 is left out")
            x = x.select(position, 0)
    axes = "".join(letter for letter in axes if letter in keep)
    order = [letter for letter in target if letter in keep]
    x = x.permute([axes.index(letter) for letter in order])
    for position, letter in enumerate(target):
        if letter not in keep:
            x = x.unsqueeze(position)
    return x


def at(returned: Any, path: Sequence[int | str]) -> Any:
    """What stands at a path inside what was returned."""
    for key in path:
        returned = returned[key]
    return returned


def part_of(part: Part | None, returned: Any, target: str) -> Tensor | None:
    """The tensor of a part, with the axes of `target`; None where there is no part."""
    return None if part is None else part.of(returned, target)


def as_tensor(value: Any) -> Tensor:
    """A tensor, of an array or a list of them too."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, list | tuple):
        return torch.stack([as_tensor(item) for item in value])
    return torch.from_numpy(value.copy())


def shown_axes(axes: str) -> str:
    """Axes as PyTorch writes them."""
    names = {"L": "L", "N": "N", "I": "H_in", "H": "H_out", "S": "D*num_layers", "F": "D*H_out", "1": "1"}
    listed, _, rest = axes.rpartition(",")
    shape = f"({', '.join(names[letter] for letter in rest if letter in names)})"
    return f"a list of {shape}" if listed else shape if rest != "?" else "it comes"
