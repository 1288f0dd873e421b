"""The weights of a candidate: which of nn.RNN's parameters each one holds, how they lie in it, and its value."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from rnncli.candidate.names import EXACT, Kind
from rnncli.core.cells import CELLS, Cell

KINDS: tuple[Kind, ...] = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")  # in torch's order
Row = tuple[str, str, str]  # a tensor of the candidate, the weight it was given in words, and why


class Missing(Exception):
    """A value that the candidate asks for and this case does not have."""


@dataclass(frozen=True)
class Weight:
    """A weight as a candidate holds it.

    `kind`: that of torch's parameter; `bias` is the sum of both, `weight` both matrices in one, `readout` a head.
    `gates`: the letters of those whose rows it has, in its order; none where it has them as torch has. `apart`: of a
    bias that is a sum, torch's bias that it is alone of the gates `of_apart`: another tensor has the other one, or r of
    a GRU keeps the two apart. `interleaved`: the rows of one unit, one of each gate, lie together.
    `state_first`: the columns of h come before those of x. `summed`: the only bias of its layer and direction.
    `vector`: of a head, its bias.
    """

    kind: str
    layer: int = 0
    reverse: bool = False
    transposed: bool = False
    state_first: bool = False
    summed: bool = False
    vector: bool = False
    evidence: str = ""
    cell: Cell = CELLS["RNN"]
    gates: tuple[str, ...] = ()
    apart: str = ""
    of_apart: tuple[str, ...] = ()
    interleaved: bool = False

    @classmethod
    def named(cls, name: str, transposed: bool = False, evidence: str = "nn.RNN's own name") -> "Weight":
        """Return the weight of nn.RNN's own name."""
        match = EXACT.fullmatch(name)
        assert match is not None
        return cls(f"{match[1]}_{match[2]}", int(match[3]), match[4] is not None, transposed, evidence=evidence)

    @property
    def suffix(self) -> str:
        """Return the layer and direction as in nn.RNN's names: `l0`, `l1_reverse`."""
        return f"l{self.layer}{'_reverse' if self.reverse else ''}"

    @property
    def is_bias(self) -> bool:
        return self.kind.startswith("bias")

    @property
    def parameters(self) -> list[str]:
        """Return the names of nn.RNN's parameters that it holds, in their order; none of a head."""
        kinds = [self.kind]
        if self.kind == "readout":
            kinds = []
        elif self.is_bias and (self.summed or self.kind == "bias"):
            kinds = ["bias_ih", "bias_hh"]
        elif self.kind == "weight":
            kinds = ["weight_hh", "weight_ih"] if self.state_first else ["weight_ih", "weight_hh"]
        return [f"{kind}_{self.suffix}" for kind in kinds]

    def covers(self) -> Iterator[tuple[str, str]]:
        """Yield the names of torch's parameters with the gates of which it holds the rows; of a bias, of both.

        Two biases are added, so that one does for both; but of a GRU r acts on the one of n that multiplies h.
        """
        kinds = ["bias_ih", "bias_hh"] if self.is_bias else []
        both = [f"{kind}_{self.suffix}" for kind in kinds] or self.parameters
        for gate in self.gates or self.cell.gates:
            apart = self.apart if gate in self.of_apart else ""
            kept_apart = apart or (self.cell.reset and gate == self.cell.source and self.is_bias)
            names = self.parameters if kept_apart else both
            yield from ((name, gate) for name in names if name.startswith(apart))

    def __str__(self) -> str:
        if self.kind == "readout":
            return "a head: set to the identity"
        rows = f" rows {','.join(self.gates)}" if self.interleaved or self.gates not in ((), self.cell.gates) else ""
        rows += " of each unit" if self.interleaved else ""
        names = [f"{name}{rows}" for name in self.parameters]
        text = " + ".join(names) if self.is_bias else ", ".join(names)
        if self.apart and set(self.of_apart) >= set(self.gates):
            return f"{self.apart}_{self.suffix}{rows}"
        text += f", of {','.join(self.of_apart)} {self.apart}_{self.suffix} alone" if self.apart else ""
        text = f"[{text}]" if self.kind == "weight" else text
        return f"{text}.T" if self.transposed and not self.is_bias else text

    def value(self, params: Mapping[str, Tensor], head: float = 1.0, width: int | None = None) -> Tensor:
        """Return its value, and a bias as zeros where the case has none.

        Of a head the identity times `head`, of H_out features or of `width`, and a bias of 1 - `head`.


        Raises Missing where the case has no such layer or direction.
        """
        like = params["weight_hh_l0"]
        if self.kind == "readout":
            size = width or like.shape[1]
            identity = torch.eye(size, dtype=like.dtype, device=like.device)
            return like.new_full((size,), 1.0 - head) if self.vector else identity * head
        if not self.kind or f"weight_hh_{self.suffix}" not in params:
            raise Missing(f"{self.kind}_{self.suffix}, as the case has none")
        rows = len(like) // len(self.cell.gates) * len(self.gates or self.cell.gates)
        if self.is_bias:
            found = [self._rows(params[name], name) for name in self.parameters if name in params]
            return reduce(torch.add, found) if found else like.new_zeros(rows)
        parts = [self._rows(params[name], name) for name in self.parameters]
        value = torch.cat(parts, 1) if len(parts) > 1 else parts[0]
        return value.T if self.transposed else value

    def _rows(self, value: Tensor, name: str) -> Tensor:
        """Return the rows of the gates, in their order; zeros for those of a bias that is apart from this one."""
        if not self.gates:
            return value
        blocks = dict(zip(self.cell.gates, value.chunk(len(self.cell.gates)), strict=True))
        if self.apart and not name.startswith(self.apart):
            blocks |= {gate: torch.zeros_like(blocks[gate]) for gate in self.of_apart}
        rows = [blocks[gate] for gate in self.gates]
        return torch.stack(rows, 1).flatten(0, 1) if self.interleaved else torch.cat(rows)


@dataclass(frozen=True)
class Binding:
    """One way to give a function its weights: as nn.RNN has them or transposed, x or h first in a joined matrix.

    `columns`: vectors are columns, and so are biases. `listed`: weight arguments are lists, over layers and directions.
    `form`: of an argument that holds all weights: dict, tuples, tuple, flat, or those with one bias, or with a head.
    `order`: which of the ways to tell matrices apart whose names do not tell. `first`: the number of the first layer.
    """

    transposed: bool = False
    state_first: bool = False
    numpy: bool = False
    columns: bool = False
    listed: bool = False
    form: str = "dict"
    order: int = 0
    first: int = 0

    @property
    def holder(self) -> str:
        """Return what all weights in one argument are held in."""
        return "dict" if self.form in ("dict", "numbered") else "list"

    @property
    def of_one_layer(self) -> "Binding":
        """Return the binding without lists and forms, which one layer does not need."""
        return replace(self, listed=False, form="", first=0)

    def value(self, x: Any) -> Any:
        """Return a weight as the candidate takes it, which it may overwrite."""
        return x if not self.numpy or not isinstance(x, Tensor) else self.given(x).copy()

    def given(self, x: Any) -> Any:
        """Return an input or a state as the candidate takes it, over the same memory: what it overwrites is seen."""
        if type(x) in (list, tuple):  # and no PackedSequence
            return type(x)(map(self.given, x))
        if not self.numpy or not isinstance(x, Tensor):
            return x
        x = x.detach().cpu()
        return (x.float() if x.dtype == torch.bfloat16 else x).numpy()


class Keyed(dict[Any, Any]):
    """Weights under the keys that a function's own code uses; `find` knows of another key what it says."""

    def __init__(self, found: Mapping[Any, Any], find: Callable[[Any], Any]) -> None:
        super().__init__(found)
        self.find = find

    def __missing__(self, key: Any) -> Any:
        self[key] = value = self.find(key)
        return value

    def __contains__(self, key: object) -> bool:
        try:
            return self[key] is not None
        except (KeyError, Missing):
            return False


class StateDict(dict[str, Any]):
    """Weights by key, of torch's own names behind a prefix too, `rnn.weight_ih_l0`, and of lists over layers by a key
    with a number, `W_ih_l0`.
    """

    def __missing__(self, key: Any) -> Any:
        if not isinstance(key, str):
            raise KeyError(key)
        named, numbered = EXACT.search(key), re.fullmatch(r"(.*?)(\d+)", key)
        if named and named[0] in self:
            return self[named[0]]
        layers = self.get(numbered[1]) if numbered else None
        if numbered is None or not isinstance(layers, list) or int(numbered[2]) >= len(layers):
            raise KeyError(key)
        return layers[int(numbered[2])]


class Group(tuple[Any, ...]):
    """The weights of one layer in one direction: by place, by key, or by attribute."""

    find: Callable[[Any], Any]

    def __getitem__(self, key: Any) -> Any:
        return self.find(key) if isinstance(key, str) else super().__getitem__(key)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.find(name)
        except KeyError as error:
            raise AttributeError(name) from error


def filled(held: Any, fill: Callable[[Weight], Any]) -> Any:
    """Return a weight, or a collection of weights, with the value of each in its place.

    A key of a dict whose weight the case does not have is left out. Raises Missing for others.
    """
    if isinstance(held, Weight):
        return fill(held)

    def find(key: Any) -> Any:
        try:
            return fill(held.find(key))
        except Missing:
            raise KeyError(key) from None

    if isinstance(held, dict):
        found = {}
        for key, weight in held.items():
            with suppress(Missing):
                found[key] = filled(weight, fill)
        return Keyed(found, find) if isinstance(held, Keyed) else StateDict(found)
    values = [filled(one, fill) for one in held]
    if not isinstance(held, Group):
        return values
    group = Group(values)
    group.find = find
    return group


def undotted(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands under `input.kernel` and its like as a dict of dicts."""
    found: dict[str, Any] = {}
    for key, value in weights.items():
        outer, dot, inner = key.partition(".")
        if dot:
            found.setdefault(outer, {})[inner] = value
        else:
            found[outer] = value
    return found


def placed(place: str, held: Any) -> Iterator[tuple[str, Weight]]:
    """Yield the weights in a collection, each with its place in it."""
    if isinstance(held, Weight):
        yield place, held
    else:
        for key, one in held.items() if isinstance(held, dict) else enumerate(held):
            yield from placed(f"{place}[{key!r}]", one)


def without_places(names: Iterable[str], weights: Iterable[Weight], cell: Cell) -> Iterator[str]:
    """Yield the parameters of torch that no weight holds, or of which gates it does not."""
    found = {pair for weight in weights for pair in replace(weight, cell=cell).covers()}
    for name in names:
        missing = [gate for gate in cell.gates if (name, gate) not in found]
        if missing:
            yield name if len(missing) == len(cell.gates) else f"{name} rows {','.join(missing)}"


def without_a_place(names: Iterable[str]) -> tuple[Row, ...]:
    """Return the rows of a wiring for parameters of nn.RNN that a candidate does not have."""
    return tuple(("none", name, "no tensor of the candidate holds it") for name in names)
