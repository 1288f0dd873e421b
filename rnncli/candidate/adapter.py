"""A candidate in canonical form: called by its own conventions, with what it cannot be asked for done around it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from rnncli.candidate.calling import KINDS, Binding, Missing, Native, Object
from rnncli.candidate.places import held_by, is_array
from rnncli.candidate.wiring import Wiring
from rnncli.core.case import Case, altered

Call = Callable[[Any, Any], Any]  # what a candidate returns for an input and a state laid out by its convention
Both = tuple[Tensor | None, Tensor | None]

BATCH_FIRST = str.maketrans("LN", "NL")
_LAYOUT_WORDS = {
    "LNI": "time-first",
    "NLI": "batch-first",
    "L,NI": "a list of (N, H_in)",
    "LI": "one sequence (L, H_in)",
    "INL": "features first (H_in, N, L)",
    "LIN": "sequences in columns (L, H_in, N)",
}


@dataclass(frozen=True)
class Convention:
    """How a candidate is called. Axes by letter: L N, I features in, S rows of h_0, H and F features out, 1 none.

    A comma after a letter makes it a list along that axis. `state` is None where no state is taken.
    """

    input: str
    state: str | None
    binding: Binding
    steps: bool = False

    def as_input(self, x: Tensor) -> Any:
        """x (L, N, H_in), or of a step (N, H_in), laid out."""
        return laid_out(x, "NI" if self.steps else "LNI", self.input)

    def as_state(self, h: Tensor | None) -> Any:
        """h (S, N, H_out), laid out."""
        return None if h is None or self.state is None else laid_out(h, "SNH", self.state)


@dataclass(frozen=True)
class Part:
    """Where a tensor stands in what a candidate returns, and its axes.

    "?NLF" of a tensor that has another shape than the (N, L, D*H_out) that would stand there.
    """

    path: tuple[int | str, ...]
    axes: str

    @property
    def fits(self) -> bool:
        """Whether the tensor has the shape that belongs there."""
        return not self.axes.startswith("?")

    def of(self, returned: Any, target: str) -> Tensor:
        """The tensor with the axes of `target`."""
        returned = at(returned, self.path)
        if not self.fits:
            if isinstance(returned, list | tuple):  # a tensor is expected: no shape of a list's is right
                return as_tensor(returned)[(None,) * (len(self.axes) + 1)]
            value, expected = as_tensor(returned), self.axes.removeprefix("?").replace(",", "")
            if value.dim() == len(expected) == len(target) and set(expected) == set(target):
                return value.permute([expected.index(letter) for letter in target])  # wrong, seen as the caller sees it
            return value
        axes = self.axes
        if "," in axes:
            if is_array(returned):  # a list by its convention that came as one tensor
                return as_tensor(returned)
            returned = torch.stack([as_tensor(item) for item in returned])
        value, axes = as_tensor(returned), axes.replace(",", "")
        if value.dim() != len(axes):
            return value
        return arranged(value, axes, target)


@dataclass(frozen=True)
class Reading:
    """How a candidate is called and what it returns, and what it claims beyond one layer in one direction."""

    convention: Convention
    output: Part | None
    h_n: Part | None
    layers: bool = False
    directions: bool = False
    neither: tuple[str, ...] = ()  # what else it returns, in words
    head: str | None = None  # the shape of what it returns instead of states, where that looks like a classifier's
    dtype: torch.dtype = torch.float64  # of the trial calls

    @property
    def fits(self) -> bool:
        """Whether everything that is returned in the place of output and h_n has the right shape."""
        parts = [part for part in (self.output, self.h_n) if part is not None]
        return bool(parts) and all(part.fits for part in parts)


def as_asked(reading: Reading, case: Case) -> Reading:
    """The reading of a candidate that takes batch_first, where the case asks for it."""
    if not case.rnn.batch_first or reading.convention.input != "LNI":
        return reading
    output = reading.output
    if output is not None and "," not in output.axes:
        output = replace(output, axes=output.axes.translate(BATCH_FIRST))
    return replace(reading, convention=replace(reading.convention, input="NLI"), output=output)


def unit(reading: Reading, call: Call, x: Tensor, h: Tensor | None, begin: Callable[[], None] | None = None) -> Both:
    """What the candidate itself computes: x (L, N, H_in) -> (L, N, D*H_out), (S, N, H_out)."""
    convention = reading.convention
    if "N" not in convention.input and x.shape[1] != 1:
        parts = [
            unit(reading, call, x[:, n : n + 1], None if h is None else h[:, n : n + 1], begin)
            for n in range(x.shape[1])
        ]
        outputs, finals = zip(*parts, strict=True)
        return _joined(outputs, 1), _joined(finals, 1)
    if convention.steps:
        return _steps(reading, call, x, h, begin)
    returned = call(convention.as_input(x), convention.as_state(h))
    output, h_n = part_of(reading.output, returned, "LNF"), part_of(reading.h_n, returned, "SNH")
    return _in_dtype_of(x, output, convention), _in_dtype_of(x, h_n, convention)


def _steps(reading: Reading, call: Call, x: Tensor, h: Tensor | None, begin: Callable[[], None] | None) -> Both:
    """A step carried through time as a loop around it would carry it: its state goes into the next step."""
    convention = reading.convention
    if begin is not None:
        begin()
    outputs, state = [], h
    for x_t in x.unbind(0):
        returned = call(convention.as_input(x_t), convention.as_state(state))
        after = _in_dtype_of(x, part_of(reading.h_n, returned, "SNH"), convention)
        given = _in_dtype_of(x, part_of(reading.output, returned, "NF"), convention)
        shown = after[0] if given is None and after is not None else given
        assert shown is not None
        outputs.append(shown)
        if convention.state is None:
            continue
        if after is not None and h is not None and after.shape != h.shape:
            return torch.stack(outputs), after  # it cannot be carried on
        state = after
    return torch.stack(outputs), state


def _in_dtype_of(x: Tensor, value: Tensor | None, convention: Convention) -> Tensor | None:
    """A result in x's dtype where numpy, whose own is float64, gave a wider one."""
    wider = convention.binding.numpy and value is not None and value.dtype.itemsize > x.dtype.itemsize
    return value.to(x.dtype) if wider and value is not None else value


class Adapted:
    """A candidate in canonical form. Layers are stacked, directions flipped and joined, batches and packed sequences
    taken apart around it where it cannot be asked for them.
    """

    def __init__(self, native: Native, reading: Reading, always: tuple[int, int] = (1, 1)) -> None:
        """`always`: how many layers and directions it has whatever it is asked for."""
        self.native, self.reading, self.always = native, reading, always
        self.unbatched = self.packs = self.outside_autograd = False
        self.prepare: Callable[[Case], None] = lambda _: None

    @property
    def arrays(self) -> bool:
        """Whether it computes with numpy, which knows no gradients."""
        return self.reading.convention.binding.numpy

    @property
    def returned(self) -> tuple[bool, bool]:
        """Whether output and h_n come out of it. A step returns both: the loop around it collects them."""
        reading = self.reading
        if reading.convention.steps:
            return True, reading.h_n is not None
        return reading.output is not None, reading.h_n is not None

    def unsupported(self, case: Case) -> str | None:
        """What of a case the candidate does not claim and nobody can do for it."""
        rnn, reading, only = case.rnn, self.reading, self.native.only_nonlinearity
        layers, directions = self.always
        if directions == 2 and not rnn.bidirectional:
            return "it runs both directions, always: one alone is not supported (--bidirectional)"
        if layers > 1 and rnn.num_layers != layers:
            return f"it has {layers} layers, always: {rnn.num_layers} is not supported (--layers {layers})"
        if only == "tanh" and rnn.nonlinearity == "relu":
            return "relu is not claimed: the candidate takes no nonlinearity and computes tanh"
        stacked = rnn.num_layers > 1 and not whole(reading, case)
        if stacked and not self.returned[0]:
            return f"it returns the last state alone: {rnn.num_layers} layers cannot be stacked"
        if reading.head is not None and reading.output is None and reading.h_n is None:
            return (
                f"it returns {reading.head}, which looks like a head: name the layer inside, or return output and h_n"
            )
        if reading.output is None and reading.h_n is None:
            what = ", ".join(reading.neither) or "nothing that looks like output or h_n"
            return f"its states do not come out of it: it returns {what}"
        if case.run.train and rnn.dropout and rnn.num_layers > 1 and not stacked and not self.native.claims("dropout"):
            return "it takes no dropout"
        return None

    def described(self) -> str:
        """How it is called and what it returns, in a line."""
        convention, binding, reading = self.reading.convention, self.reading.convention.binding, self.reading
        words = [self.native.kind]
        if convention.steps:
            words.append("called per step")
        else:
            words.append(_LAYOUT_WORDS.get(convention.input, f"input as {shown_axes(convention.input)}"))
        if not self.native.takes_state:
            words.append("keeps its state itself" if self.native.stateful else "no h_0")
        elif convention.state not in ("SNH", None):
            words.append(f"h_0 as {shown_axes(convention.state)}")
        words += ["weights transposed"] if binding.transposed else []
        words += ["biases summed"] if self.native.one_bias else []
        words += ["lists of weights"] if binding.listed else []
        words += ["numpy, without gradients"] if binding.numpy else []
        if self.native.set_globals:
            words.append(f"the module's {', '.join(self.native.set_globals)} set to this case's")
        parts = [
            name if part.axes in ("LNF", "SNH", "NF") or not part.fits else f"{name} as {shown_axes(part.axes)}"
            for name, part in (("output", reading.output), ("h_n", reading.h_n))
            if part is not None
        ]
        if parts and not convention.steps:
            words.append(f"returns ({', '.join(parts)})" if len(parts) > 1 else f"returns {parts[0]}")
        if reading.neither:
            words.append(f"{' and '.join(reading.neither)} not compared")
        return ", ".join(words)

    def around(self, case: Case) -> list[str]:
        """What is done around it, in words."""
        rnn, reading, done = case.rnn, self.reading, []
        if not whole(reading, case):
            done += ["layers"] if rnn.num_layers > 1 and not (reading.layers and reading.directions) else []
            done += ["directions"] if rnn.bidirectional and not reading.directions else []
        said = [f"{' and '.join(done)} put together by rnncli"] if done else []
        if reading.convention.steps:
            said.append("the loop over time is rnncli's")
        elif "N" not in reading.convention.input and case.input.layout != "unbatched":
            said.append("one sequence at a time, by rnncli")
        if case.input.layout == "packed" and not self._takes("packed", case):
            said.append("packed input taken apart by rnncli")
        if case.input.layout == "unbatched" and "N" in reading.convention.input and not self._takes("unbatched", case):
            said.append("unbatched input given as a batch of one by rnncli")
        if case.rnn.batch_first and case.input.layout == "batched" and not self.native.claims("batch_first"):
            said.append("batch_first transposed by rnncli" if reading.convention.input != "NLI" else "")
        return [text for text in said if text]

    def wiring(self, case: Case) -> tuple[tuple[str, str, str], ...]:
        """Each tensor of the candidate, the weight it was given, and why."""
        if isinstance(self.native, Object):
            found = self._plan(case)
            return found.rows() if found else ()
        return self.native.wiring(self._own_part(case), self.reading.convention.binding)

    def holds_more(self, case: Case) -> bool:
        """Whether an object holds tensors that are neither weights nor moved with its parameters and buffers."""
        if not isinstance(self.native, Object):
            return False
        found = self._plan(case)
        made = self.native.made(self._own_part(case), torch.float32)
        moved = {id(one) for one in (*made.parameters(), *made.buffers())} if isinstance(made, nn.Module) else set()
        wired = set(found.shapes) if found else set()
        return any(not wired & set(one.names) and not moved & set(map(id, one.objects)) for one in held_by(made))

    def faults(self, case: Case) -> tuple[tuple[str, str, str], ...]:
        """What is wrong with the tensors of an object at the sizes of a case: parameter, cause, reason."""
        found = self._plan(case) if isinstance(self.native, Object) else None
        if found is None or not isinstance(self.native, Object):
            return ()
        part = self._own_part(case)
        names = (
            f"l{layer}{end}" for layer in range(part.rnn.num_layers) for end in ("", "_reverse")[: part.rnn.directions]
        )
        shapes = {
            "weight_hh": (part.rnn.hidden_size,) * 2,
            "bias_ih": (part.rnn.hidden_size,),
            "bias_hh": (part.rnn.hidden_size,),
        }
        params: dict[str, Tensor] = {}
        for suffix in names:
            features = part.rnn.input_size if suffix.startswith("l0") else part.rnn.hidden_size * part.rnn.directions
            own = {**shapes, "weight_ih": (part.rnn.hidden_size, features)}
            params |= {f"{kind}_{suffix}": torch.zeros(shape) for kind, shape in own.items()}
        size = part.rnn.hidden_size if self.native.has_output_size else None
        made = self.native.made(part, torch.float32, 0, size)
        no_bias = not case.rnn.bias and self.native.claims("bias")
        return tuple(found.faults(held_by(made), params, made if isinstance(made, nn.Module) else None, no_bias))

    def _own_part(self, case: Case) -> Case:
        """The case of what the candidate itself computes."""
        rnn = case.rnn
        layers = rnn.num_layers if self.reading.layers and (self.reading.directions or not rnn.bidirectional) else 1
        return altered(case, rnn={"num_layers": layers, "bidirectional": rnn.bidirectional and self.reading.directions})

    def _plan(self, case: Case) -> Wiring | None:
        assert isinstance(self.native, Object)
        rnn = self._own_part(case).rnn
        return self.native.plans.get((rnn.num_layers, rnn.directions, rnn.bias))

    def _takes(self, layout: str, case: Case) -> bool:
        if layout == "packed":
            return self.packs and whole(self.reading, case)
        return self.unbatched and whole(self.reading, case)

    def __call__(
        self, input: Tensor | PackedSequence, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case
    ) -> Any:
        """The canonical call. output or h_n is None where the candidate does not return it."""
        if self.native.drop_in and whole(self.reading, case):
            return self._as_nn_rnn(input, h_0, params, case)
        if isinstance(input, PackedSequence):
            return self._packed(input, h_0, params, case)
        if case.input.layout == "unbatched" and not self.unbatched:
            output, h_n = self._batched(input.unsqueeze(1), _unsqueezed(h_0), params, case)
            return _squeezed(output), _squeezed(h_n)
        if case.input.layout == "unbatched":
            return self._as_nn_rnn(input, h_0, params, case)
        x = input.transpose(0, 1) if case.rnn.batch_first else input
        asked = case.rnn.batch_first and self.native.claims("batch_first") and self.reading.convention.input == "LNI"
        output, h_n = self._batched(x, h_0, params, case, batch_first=asked)
        return (_swapped(output) if case.rnn.batch_first else output), h_n

    def _as_nn_rnn(self, input: Any, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case) -> Any:
        """A drop-in for nn.RNN is given what nn.RNN is given."""
        convention = self.reading.convention
        if isinstance(input, PackedSequence):
            return self._packed(input, h_0, params, case)
        own_layout = convention.input == "NLI" and not self.native.claims("batch_first")
        if case.input.layout == "unbatched" and not self.unbatched:
            output, h_n = self._batched(input.unsqueeze(1), _unsqueezed(h_0), params, case)
            return _squeezed(output), _squeezed(h_n)
        if case.input.layout == "batched" and (convention.state not in ("SNH", None) or own_layout):
            x = input.transpose(0, 1) if case.rnn.batch_first else input
            output, h_n = self._batched(x, h_0, params, case, batch_first=case.rnn.batch_first and not own_layout)
            return (_swapped(output) if case.rnn.batch_first else output), h_n
        if case.rnn.batch_first and not self.native.claims("batch_first"):
            output, h_n = self._batched(input.transpose(0, 1), h_0, params, case)
            return _swapped(output), h_n
        self.prepare(case)
        returned = self.native.call(input, self._state_for(h_0, params, case), params, case, convention.binding)
        return tuple(None if part is None else _as_it_comes(at(returned, part.path))
                     for part in (self.reading.output, self.reading.h_n))  # fmt: skip

    def _state_for(self, h: Tensor | None, params: Mapping[str, Tensor], case: Case) -> Tensor | None:
        if h is not None or self.native.optional_state or not self.native.takes_state:
            return h
        batch = 1 if case.input.layout == "unbatched" else case.input.batch_size
        zeros = params["weight_hh_l0"].new_zeros(case.rnn.num_layers * case.rnn.directions, batch, case.rnn.hidden_size)
        return zeros.squeeze(1) if case.input.layout == "unbatched" else zeros

    def _packed(self, input: PackedSequence, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case) -> Any:
        """Each sequence alone, and packed again; in one call where the candidate takes a PackedSequence."""
        if self.packs and whole(self.reading, case):
            self.prepare(case)
            convention = self.reading.convention
            state = self._state_for(h_0, params, case)
            returned = self.native.call(input, convention.as_state(state), params, case, convention.binding)
            output = None if self.reading.output is None else at(returned, self.reading.output.path)
            return output, part_of(self.reading.h_n, returned, "SNH")
        padded, lengths = pad_packed_sequence(input)  # (L, N, H_in), in the caller's order
        outputs, finals = [], []
        for n, length in enumerate(lengths.tolist()):
            output, h_n = self._batched(
                padded[:length, n : n + 1], None if h_0 is None else h_0[:, n : n + 1], params, case
            )
            outputs.append(output)
            finals.append(h_n)
        h_n = _joined(finals, 1)
        if any(
            output is None or output.shape[:2] != (length, 1) for output, length in zip(outputs, lengths, strict=True)
        ):
            return (None if outputs[0] is None else outputs[0]), h_n
        flat = [output.squeeze(1) for output in outputs if output is not None]
        packed = torch.nn.utils.rnn.pack_sequence(flat, enforce_sorted=False)
        return PackedSequence(packed.data, input.batch_sizes, packed.sorted_indices, packed.unsorted_indices), h_n

    def _batched(
        self, x: Tensor, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case, batch_first: bool = False
    ) -> Both:
        """x (L, N, H_in) -> (L, N, D*H_out), (D*num_layers, N, H_out).

        `batch_first`: the candidate takes that argument, is given it, and an input laid out accordingly.
        """
        if whole(self.reading, case):
            self.native.part = (0, 0)
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

    def _layer(self, x: Tensor, h_0: Tensor | None, params: Mapping[str, Tensor], layer: int, case: Case) -> Both:
        """One layer: as one call, or a call for each direction."""
        if self.reading.directions or not case.rnn.bidirectional:
            own = _renamed(params, f"l{layer}", "l0") | _renamed(params, f"l{layer}_reverse", "l0_reverse")
            self.native.part = (layer, 0)
            return self._unit(x, h_0, own, _part(case, 1, case.rnn.bidirectional, x))
        halves, finals = [], []
        for direction, suffix in enumerate(("", "_reverse")):
            own = _renamed(params, f"l{layer}{suffix}", "l0")
            self.native.part = (layer, direction)  # an object of its own: backward may run forward again
            state = None if h_0 is None else h_0[direction : direction + 1]
            output, final = self._unit(x.flip(0) if direction else x, state, own, _part(case, 1, False, x))
            halves.append(output.flip(0) if direction and output is not None else output)
            finals.append(final)
        return _joined(halves, -1), _joined(finals, 0)

    def _unit(self, x: Tensor, h_0: Tensor | None, params: Mapping[str, Tensor], case: Case) -> Both:
        """One call of the candidate, or one for each sequence or step."""
        self.prepare(case)
        reading, convention = self.reading, self.reading.convention
        zeros = self.native.takes_state and (convention.steps or not self.native.optional_state)
        if h_0 is None and zeros:
            rows = case.rnn.num_layers * case.rnn.directions
            h_0 = x.new_zeros(rows, x.shape[1], params["weight_hh_l0"].shape[0])
        if not self.native.takes_state:
            h_0 = None
        reading = as_asked(reading, case)
        begin = None
        if self.native.stateful and isinstance(self.native, Object):
            native = self.native

            def begin() -> None:
                native.begin(case, params)

        return unit(reading, lambda x, h: self.native.call(x, h, params, case, convention.binding), x, h_0, begin)


def whole(reading: Reading, case: Case) -> bool:
    """Whether the candidate takes the whole case in one call."""
    directions = reading.directions or not case.rnn.bidirectional
    return directions and (reading.layers or case.rnn.num_layers == 1)


def _renamed(params: Mapping[str, Tensor], suffix: str, to: str) -> dict[str, Tensor]:
    """The parameters with a suffix, as l1_reverse, under another."""
    return {f"{name}_{to}": params[f"{name}_{suffix}"] for name in KINDS if f"{name}_{suffix}" in params}


def _part(case: Case, layers: int, bidirectional: bool, x: Tensor) -> Case:
    """The case of one call, time-first, of the sizes of x."""
    rnn = {"num_layers": layers, "bidirectional": bidirectional, "batch_first": False, "input_size": x.shape[-1]}
    given = {"layout": "batched", "seq_len": x.shape[0], "batch_size": x.shape[1], "lengths": None}
    return altered(case, rnn=rnn, input=given)


def _joined(parts: Sequence[Tensor | None], axis: int) -> Tensor | None:
    """The parts together; None where one is missing, the first of them where they do not go together."""
    known = [part for part in parts if part is not None]
    if len(known) != len(parts):
        return None
    try:
        return torch.cat(known, axis)
    except (RuntimeError, IndexError):
        return known[0]


def _unsqueezed(h_0: Tensor | None) -> Tensor | None:
    return None if h_0 is None else h_0.unsqueeze(1)


def _squeezed(value: Tensor | None) -> Tensor | None:
    return None if value is None else value.squeeze(1) if value.dim() > 1 else value


def _swapped(output: Tensor | None) -> Tensor | None:
    return output if output is None or output.dim() < 2 else output.transpose(0, 1)


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
        returned = getattr(returned, key) if isinstance(key, str) and hasattr(returned, key) else returned[key]
    return returned


def part_of(part: Part | None, returned: Any, target: str) -> Tensor | None:
    """The tensor of a part, with the axes of `target`; None where there is no part."""
    return None if part is None else part.of(returned, target)


def _as_it_comes(value: Any) -> Any:
    """A tensor or a PackedSequence; a list, which nn.RNN does not return, gets a shape that nothing has."""
    if isinstance(value, PackedSequence):
        return value
    return as_tensor(value)[None, None] if isinstance(value, list | tuple) else as_tensor(value)


def as_tensor(value: Any) -> Tensor:
    """A tensor, of an array, a number or a list of them too."""
    if isinstance(value, Tensor):
        return value.as_subclass(Tensor) if type(value) is not Tensor else value
    if isinstance(value, list | tuple) and not value:
        return torch.zeros(0)
    if isinstance(value, list | tuple):
        return torch.stack([as_tensor(item) for item in value])
    return torch.from_numpy(value.copy()) if is_array(value) else torch.as_tensor(value)


def shown_axes(axes: str) -> str:
    """Axes as PyTorch writes them."""
    names = {"L": "L", "N": "N", "I": "H_in", "H": "H_out", "S": "D*num_layers", "F": "D*H_out", "1": "1"}
    listed, _, rest = axes.rpartition(",")
    shape = f"({', '.join(names[letter] for letter in rest if letter in names)})"
    return f"a list of {shape}" if listed else shape
