"""How a candidate is called and what it returns: the axes of its input, states and results, and a call by them.

Axes by letter: L N, I features in, S rows of the states, H and F features out (F in both directions), 1 none. A comma
after a letter makes it a list along that axis; NESTED is a list for each layer, of both directions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from rnncli.candidate.places import is_array
from rnncli.candidate.weights import Binding, Missing
from rnncli.core.case import Case

Call = Callable[[Any, Any], Any]  # what a candidate returns for an input and a state laid out by its convention
States = tuple[Tensor, ...]  # h (S, N, H_out), of an LSTM c (S, N, H_cell) too
Path = tuple[Any, ...]  # of a tensor in a result: an index or a key, several of them together, or EACH
Results = tuple[Tensor | None, ...]  # output and the final states, None for each that is not returned


class Layout(NamedTuple):
    """The forms that states and results may have beside an input, the likely ones first; and the layout in words."""

    unit: str  # what one call takes: a batch, a sequence or a step
    states: tuple[str, ...]
    outputs: tuple[str, ...]
    finals: tuple[str, ...] = ("SNH", "NH", "S,NH")
    words: str = ""


LAYOUTS = {
    "LNI": Layout("batch", ("SNH", "NH"), ("LNF", "L,NF"), words="time-first"),
    "NLI": Layout("batch", ("SNH", "NH"), ("NLF", "L,NF"), words="batch-first"),
    "L,NI": Layout("batch", ("SNH", "NH"), ("LNF", "L,NF"), words="a list of (N, H_in)"),
    "INL": Layout("batch", ("HN",), ("FNL",), ("HN", "SHN"), "features first (H_in, N, L)"),
    "LIN": Layout("batch", ("HN",), ("LFN", "L,FN"), ("HN", "SHN"), "sequences in columns (L, H_in, N)"),
    "LI": Layout(
        "sequence", ("H", "SH", "SNH"), ("LF", "L1F", "L,F", "L,1F"), ("H", "SH", "SNH"), "one sequence (L, H_in)"
    ),
    "L,I1": Layout("sequence", ("H1", "H"), ("L,F1", "LF1", "LF"), ("H1", "H")),
    "IL": Layout("sequence", ("H", "H1"), ("FL",), ("H", "H1")),
    "L,I": Layout("sequence", ("H", "SH"), ("LF", "L,F", "L1F", "L,1F"), ("H", "SH", "SNH")),
    "NI": Layout("step", ("NH", "SNH"), ("NF", "1NF")),
    "1NI": Layout("step", ("SNH", "NH"), ("1NF", "NF")),
    "I": Layout("step", ("H",), ("F", "1F"), ("H", "SH")),
    "IN": Layout("step", ("HN",), ("FN",), ("HN",)),
    "I1": Layout("step", ("H1",), ("F1",), ("H1",)),
}
BATCH_FIRST = str.maketrans("LN", "NL")
_COUNTED = {"L": "steps", "N": "sequences", "S": "rows of a state", "I": "features", "H": "features", "F": "features"}
EACH, EACH_OF_EACH = -3, -2  # in a path: every item of a list, or of a list of lists
LAST, LAST_OF_EACH = -1, -4  # the last step, where time is the first axis, or the second
NESTED = "S,S,NH"
_LAYOUT_KEYS = {"time-first": "time-first", "batch-first": "batch-first", "one sequence (L, H_in)": "unbatched"}


@dataclass(frozen=True)
class Part:
    """Where a tensor stands in what a candidate returns, and its axes.

    "?NLF" of a tensor that has another shape than the (N, L, D*H_out) that would stand there, or of a list where a
    tensor would, which is `listed`.
    """

    path: Path
    axes: str
    listed: bool = False

    @property
    def fits(self) -> bool:
        return not self.axes.startswith("?")

    @property
    def form(self) -> str:
        """Return its axes in words, where they are not nn.RNN's, or what comes back where a tensor is expected."""
        if not self.fits or self.axes in ("LNF", "SNH", "NF"):
            return "a list of tensors" if self.listed else ""
        return "that of the last step" if self.of_every_step else shown_axes(self.axes)

    @property
    def of_every_step(self) -> bool:
        """Return whether the candidate returns it for every step, of which the last is taken."""
        return LAST in self.path or LAST_OF_EACH in self.path

    def of(self, returned: Any, target: str) -> Tensor:
        """Return the tensor with the axes of `target`; one that does not fit as the caller sees it."""
        returned, axes = at(returned, self.path), self.axes.removeprefix("?").replace(",", "")
        value = as_tensor(returned)
        if not self.fits:
            if isinstance(returned, list | tuple):  # a tensor is expected: no shape of a list's is right
                return value if self.listed else value[(None,) * (len(self.axes) + 1)]
            turned = value.dim() == len(axes) and sorted(axes) == sorted(target)
            return value.permute([axes.index(letter) for letter in target]) if turned else value
        as_listed = "," not in self.axes or not is_array(returned)
        return arranged(value, axes, target) if as_listed and value.dim() == len(axes) else value

    def as_it_comes(self, value: Any) -> Any:
        """Return what stands there as the caller sees it; a list that is not told as such gets a shape nothing has."""
        if isinstance(value, PackedSequence):
            return value
        unexpected = isinstance(value, list | tuple) and not self.listed
        return as_tensor(value)[None, None] if unexpected else as_tensor(value)


@dataclass(frozen=True)
class Reading:
    """How a candidate is called and what it returns, and what it claims beyond one layer in one direction.

    `input` and `state`: their axes; `state` is None where none is taken. `finals`: one for each state of the cell.
    `states_first`: output comes after them, which is no order of torch's. `neither`: what else it returns, in words.
    `head`: the shape of what it returns instead of states, where that looks like a classifier's. `dtype`: of the
    trial calls.
    """

    input: str
    state: str | None
    binding: Binding
    output: Part | None = None
    finals: tuple[Part | None, ...] = (None,)
    layers: bool = False
    directions: bool = False
    states_first: bool = False
    neither: tuple[str, ...] = ()
    head: str | None = None
    dtype: torch.dtype = torch.float64

    @property
    def steps(self) -> bool:
        return LAYOUTS[self.input].unit == "step"

    @property
    def fits(self) -> bool:
        """Return whether everything that is returned in the place of output and h_n has the right shape."""
        parts = [part for part in (self.output, *self.finals) if part is not None]
        return bool(parts) and all(part.fits for part in parts)

    @property
    def gives_output(self) -> bool:
        """Return whether output comes back in the right shape."""
        return self.output is not None and self.output.fits

    @property
    def nothing(self) -> bool:
        """Return whether neither output nor a state comes back."""
        return self.output is None and not any(self.finals)

    @property
    def h_n(self) -> Part | None:
        """Return where h_n stands."""
        return self.finals[0]

    @property
    def keys(self) -> dict[str, str]:
        """Return the keys of a config's candidate that state it, and their values."""
        found = {"convention": "step" if self.steps else "stack"}
        if LAYOUTS[self.input].words in _LAYOUT_KEYS:
            found["layout"] = _LAYOUT_KEYS[LAYOUTS[self.input].words]
        found["weights"] = "transposed" if self.binding.transposed else "as nn.RNN"
        return found | {"states": "(N, H_out)" if self.state == "NH" else "as nn.RNN"}

    @property
    def misfits(self) -> int:
        """Return how much of output and the states is missing or has another shape; output counts twice."""
        wrong = sum(part is not None and not part.fits for part in self.finals)
        return 2 * (self.output is None or not self.output.fits) + wrong

    def whole(self, case: Case) -> bool:
        """Return whether the candidate takes the whole case in one call."""
        return (self.directions or not case.rnn.bidirectional) and (self.layers or case.rnn.num_layers == 1)

    def as_asked(self, case: Case) -> "Reading":
        """Return the reading of a candidate that takes batch_first, where the case asks for it."""
        if not case.rnn.batch_first or self.input != "LNI":
            return self
        output = self.output
        if output is not None and "," not in output.axes:
            output = replace(output, axes=output.axes.translate(BATCH_FIRST))
        return replace(self, input="NLI", output=output)

    def as_input(self, x: Tensor) -> Any:
        """Return x (L, N, H_in), or that of a step (N, H_in), as the candidate takes it."""
        return laid_out(x, "NI" if self.steps else "LNI", self.input)

    def as_state(self, states: States | None) -> Any:
        """Return h (S, N, H_out) as the candidate takes it, several states as a tuple; or a list of tuples."""
        if states is None or self.state is None:
            return None
        given = tuple(laid_out(one, "SNH", "S,NH" if self.state == NESTED else self.state) for one in states)
        if "," not in self.state:
            return given if len(given) > 1 else given[0]
        rows = list(zip(*given, strict=True)) if len(given) > 1 else given[0]
        return [rows[at : at + 2] for at in range(0, len(rows), 2)] if self.state == NESTED else rows

    def computed(
        self, call: Call, x: Tensor, states: States | None, begin: Callable[[], object] = lambda: None
    ) -> Results:
        """Return what the candidate itself computes: x (L, N, H_in) -> (L, N, D*H_out), and the final states.

        `begin` is called before each sequence of a candidate that is called step by step.
        """
        if "N" not in self.input and x.shape[1] != 1:
            each = [part_of(states, 1, n, n + 1) for n in range(x.shape[1])]
            results = [self.computed(call, x[:, n : n + 1], one, begin) for n, one in enumerate(each)]
            return tuple(joined(parts, 1) for parts in zip(*results, strict=True))
        if self.steps:
            begin()
            return self._carried(call, x, states)
        return self._returned(call(self.as_input(x), self.as_state(states)), x, "LNF")

    def _carried(self, call: Call, x: Tensor, states: States | None) -> Results:
        """Carry a step through time as a loop around it would: its states go into the next step."""
        outputs, carried = [], states
        for x_t in x.unbind(0):
            output, *after = self._returned(call(self.as_input(x_t), self.as_state(carried)), x, "NF")
            shown = after[0][0] if output is None and after[0] is not None else output
            assert shown is not None
            outputs.append(shown)
            if self.state is not None:
                known = tuple(one for one in after if one is not None)
                carried = known if len(known) == len(after) else None
                if carried and states and any(a.shape != b.shape for a, b in zip(carried, states, strict=True)):
                    break  # they cannot be carried on
        return torch.stack(outputs), *(carried or [None] * len(self.finals))

    def _returned(self, returned: Any, x: Tensor, target: str) -> Results:
        output = None if self.output is None else self.output.of(returned, target)
        finals = [None if part is None else part.of(returned, "SNH") for part in self.finals]
        return tuple(self._as_torchs(value, x) for value in (output, *finals))

    def _as_torchs(self, value: Tensor | None, x: Tensor) -> Tensor | None:
        """Return a result of numpy on x's device, and in x's dtype where its own, float64, is wider."""
        if value is None or not self.binding.numpy:
            return value
        return value.to(x.device, x.dtype if value.dtype.itemsize > x.dtype.itemsize else None)


def part_of(states: States | None, axis: int, start: int, stop: int) -> States | None:
    """Return a part of each state along an axis."""
    return None if states is None else tuple(one.narrow(axis, start, stop - start) for one in states)


def joined(parts: Sequence[Tensor | None], axis: int) -> Tensor | None:
    """Return the parts together; None where one is missing, the first of them where they do not go together."""
    known = [part for part in parts if part is not None]
    if len(known) != len(parts):
        return None
    try:
        return torch.cat(known, axis)
    except (RuntimeError, IndexError):
        return known[0]


def laid_out(x: Tensor, axes: str, target: str) -> Any:
    """Return x with `axes`, moved to those of `target` in memory too; a list of tensors where that has a comma."""
    moved = arranged(x, axes, target.replace(",", ""))
    moved = moved.contiguous() if x.is_contiguous() else moved
    return list(moved.unbind(0)) if "," in target else moved


def arranged(x: Tensor, axes: str, target: str) -> Tensor:
    """Return x with `axes`, moved to those of `target`; what is not in both has size 1. Raises Missing."""
    keep = [letter for letter in axes if letter in target and letter != "1"]
    for position in reversed(range(len(axes))):
        if axes[position] not in keep:
            if x.shape[position] != 1:
                raise Missing(f"room for {x.shape[position]} {_COUNTED.get(axes[position], 'rows')}")
            x = x.select(position, 0)
    x = x.permute([keep.index(letter) for letter in target if letter in keep])
    for position, letter in enumerate(target):
        if letter not in keep:
            x = x.unsqueeze(position)
    return x


def at(returned: Any, path: Path) -> Any:
    """Return what stands at a path inside what was returned."""
    for number, key in enumerate(path):
        if key == EACH:
            return [at(item, path[number + 1 :]) for item in returned]
        if key == EACH_OF_EACH:
            return [at(one, path[number + 1 :]) for item in returned for one in item]
        if key == LAST_OF_EACH:
            return at(returned[:, -1], path[number + 1 :])
        if isinstance(key, tuple):  # both directions, one beside the other
            return tuple(at(returned, (one, *path[number + 1 :])) for one in key)
        returned = getattr(returned, key) if isinstance(key, str) and hasattr(returned, key) else returned[key]
    return returned


def as_tensor(value: Any) -> Tensor:
    """Return a tensor, of an array, a number or a list of them too; over the memory of an array, if that can be."""
    if isinstance(value, Tensor):
        return value.as_subclass(Tensor) if type(value) is not Tensor else value
    if isinstance(value, list | tuple):
        return torch.stack([as_tensor(item) for item in value]) if value else torch.zeros(0)
    if not is_array(value):
        return torch.as_tensor(value)
    return torch.from_numpy(value if value.flags.writeable and min(value.strides, default=0) >= 0 else value.copy())


def shown_axes(axes: str) -> str:
    """Return axes as PyTorch writes them."""
    names = {"L": "L", "N": "N", "I": "H_in", "H": "H_out", "S": "D*num_layers", "F": "D*H_out", "1": "1"}
    listed, _, rest = axes.rpartition(",")
    shape = f"({', '.join(names[letter] for letter in rest if letter in names)})"
    return "a list of lists of " * (listed == "S,S") + "a list of " * (len(listed) == 1) + shape
