"""Experiments on an object alone: one tensor is changed, or a part of it, and what moves tells which weight it is.

Nothing is compared with nn.RNN. The matrices are random, and all biases are zero:

    "0"     one step, x = 0, h_0 = 0        a bias moves the result, a matrix does not
    "x"     one step, x random, h_0 = 0     what moves the result multiplies the input of its layer
    "h3"    one step, x = 0, one row of h_0 what moves the result multiplies that row, or the output of a layer below
    "late"  four steps, x at the last alone what moves the first output belongs to the reverse direction
    "all"   four steps, all random          what moves nothing is a buffer: a gradient accumulator, a kept state
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor

from rnncli.candidate.convention import Both
from rnncli.candidate.load import default_dtype
from rnncli.candidate.names import EXACT, Slot, slot
from rnncli.candidate.objects import Object
from rnncli.candidate.places import Held, held_by
from rnncli.candidate.weights import Binding
from rnncli.core.case import Case

Runner = Callable[[Any, Tensor, Tensor | None], Both]

MOVED = 1e-9  # of values of order one, in float64: far above rounding and far below any effect


@dataclass(frozen=True)
class Sizes:
    """The sizes of the experiments: as far as they can be chosen, pairwise distinct. `O` is that of a head."""

    L: int
    N: int
    I: int  # noqa: E741
    H: int
    O: int  # noqa: E741
    layers: int
    directions: int

    @property
    def rows(self) -> int:
        """Return D*num_layers: the rows of the states."""
        return self.layers * self.directions

    def features(self, layer: int) -> int:
        """Return what a layer reads: H_in, or D*H_out of the layer below."""
        return self.I if layer == 0 else self.H * self.directions


@dataclass(frozen=True)
class Effect:
    """What moved: anything at all, rows of h_n, halves of output's features, its first step."""

    any: bool = False
    rows: frozenset[int] = frozenset()
    halves: frozenset[int] = frozenset()
    first: bool = False


NOTHING = Effect()


@dataclass(eq=False)
class View:
    """A tensor, or the part of it at an index, that may be a weight."""

    held: Held
    index: Any
    shape: tuple[int, ...]

    @cached_property
    def tensor(self) -> str:
        """Return the name of the tensor that says the most: nn.RNN's own, else one that says a kind."""
        names = self.held.names
        exact = next((name for name in names if EXACT.search(name)), None)
        return exact or next((name for name in names if slot(name).kind), names[0])

    @cached_property
    def claim(self) -> Slot:
        """Return what the name of the tensor says of it."""
        return slot(self.tensor)

    @property
    def name(self) -> str:
        """Return the name of the tensor with its index."""
        index = self.index
        part = f"{index.start}:{index.stop}" if isinstance(index, slice) else str(index)
        return self.tensor if index is None else f"{self.tensor}.{part}"

    @property
    def numbers(self) -> list[int]:
        """Return the numbers in its name, and its index."""
        plain = re.sub(r"[a-z]2[a-z]", "", self.tensor.lower())
        numbers = [int(number) for number in re.findall(r"(?<![a-z])\d+|(?<=_)\d+|(?<=[a-z])\d+(?=$|\.)", plain)]
        return [*numbers, self.index] if isinstance(self.index, int) else numbers

    @property
    def big(self) -> tuple[int, ...]:
        """Return its sizes beside those of 1."""
        return big(self.shape)

    @property
    def exact(self) -> bool:
        """Return whether one of its names is nn.RNN's own."""
        return any(EXACT.search(name) for name in self.held.names)


class Experiments:
    """An object with random matrices and biases of zero, and what moves when a tensor of it changes."""

    def __init__(self, native: Object, case: Case, sizes: Sizes, run: Runner | None, binding: Binding) -> None:
        """`run` None: the object does not run, and nothing is known of it but names and shapes."""
        self.sizes, self.run, self.binding, self.takes_state = sizes, run, binding, native.takes_state
        self.make = partial(made_in_float64, native, case, sizes)
        self.made = self.make()
        self.held = held_by(self.made)
        self.generator = torch.Generator().manual_seed(11)
        self.values: dict[str, Tensor] = {}
        for one in self.held:
            matrix = len(big(one.shape)) > 1
            self._set(one, self._random(*one.shape) * 0.4 if matrix else torch.zeros(one.shape, dtype=torch.float64))
        self._given = self._inputs() if run is not None else {}
        self._base: dict[str, Both] = {}
        self._leaks = False  # a state kept from call to call would be taken for an effect
        self._leaks = run is not None and self._compared(self._ran("all"), self._ran("all")).any

    @property
    def returns_states(self) -> bool:
        """Return whether h_n comes out of it, as far as experiments have shown."""
        return "all" in self._base and self._base["all"][1] is not None

    def effect(self, view: View, when: str, change: Tensor | None = None) -> Effect:
        """Return what moves under a condition when the view changes: by random values, or by these."""
        if when not in self._given:
            return NOTHING
        if change is None:
            change = self._random(*self.values[view.held.name][_where(view)].shape) * 0.5 + 0.1
        return self._compared(*self._changed(view, when, change))

    def units(self, view: View, when: str, element: tuple[int, int], row: int | None, half: int) -> set[int]:
        """Return which hidden units move when one element of a matrix changes: in a row of h_n, or a half of output."""
        if when not in self._given:
            return set()
        change = torch.zeros(view.shape, dtype=torch.float64)
        change[element] = 0.7
        (output, h_n), (moved, moved_h_n) = self._changed(view, when, change)
        s = self.sizes
        if row is not None and _alike(h_n, moved_h_n) and h_n is not None and h_n.shape[0] == s.rows:
            return set(_differs(h_n, moved_h_n)[row].any(0).nonzero().flatten().tolist())
        if _alike(output, moved) and output is not None and output.shape[-1] == s.directions * s.H:
            differs = _differs(output, moved).flatten(0, 1).any(0)
            return set(differs[half * s.H : (half + 1) * s.H].nonzero().flatten().tolist())
        return set()

    def _inputs(self) -> dict[str, tuple[Tensor, Tensor | None]]:
        s = self.sizes
        nothing = torch.zeros(1, s.N, s.I, dtype=torch.float64)
        h = torch.zeros(s.rows, s.N, s.H, dtype=torch.float64) if self.takes_state else None
        given: dict[str, tuple[Tensor, Tensor | None]] = {"0": (nothing, h), "x": (self._random(1, s.N, s.I), h)}
        late = torch.zeros(4, s.N, s.I, dtype=torch.float64)
        late[-1] = self._random(s.N, s.I)
        given["late"] = late, h
        for row in range(s.rows if self.takes_state else 0):
            one = torch.zeros(s.rows, s.N, s.H, dtype=torch.float64)
            one[row] = self._random(s.N, s.H)
            given[f"h{row}"] = nothing, one
        given["all"] = self._random(4, s.N, s.I), None if h is None else self._random(s.rows, s.N, s.H)
        given["two"] = given["all"][0][:2], None
        return given

    def _random(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, dtype=torch.float64)

    def _set(self, one: Held, value: Tensor) -> None:
        self.values[one.name] = value
        one.set(self.made, self.binding.value(value))

    def _changed(self, view: View, when: str, change: Tensor) -> tuple[Both, Both]:
        """Return the results before and after a change of the view."""
        if when not in self._base:
            self._base[when] = self._ran(when)
        before = self.values[view.held.name]
        changed, where = before.clone(), _where(view)
        changed[where] += change.reshape(changed[where].shape)
        self._set(view.held, changed)
        try:
            return self._base[when], self._ran(when)
        finally:
            self._set(view.held, before)

    def _ran(self, when: str) -> Both:
        assert self.run is not None
        if self._leaks:
            self.made = self.make()
            for one in held_by(self.made):
                if one.name in self.values:
                    one.set(self.made, self.binding.value(self.values[one.name]))
        x, h = self._given[when]
        output, h_n = self.run(self.made, x.clone(), None if h is None else h.clone())
        return None if output is None else output.clone(), None if h_n is None else h_n.clone()

    def _compared(self, before: Both, after: Both) -> Effect:
        s, rows, halves, first, moved = self.sizes, set[int](), set[int](), False, False
        for which, (one, other) in enumerate(zip(before, after, strict=True)):
            if one is None or other is None:
                continue
            if one.shape != other.shape:
                return Effect(True)
            differs = _differs(one, other)
            moved = moved or bool(differs.any())
            if which == 1 and one.dim() == 3 and one.shape[0] == s.rows:
                rows = {row for row in range(s.rows) if differs[row].any()}
            if which == 0 and one.dim() == 3:
                first = bool(differs[0].any())
                if one.shape[-1] == s.directions * s.H:
                    halves = {d for d in range(s.directions) if differs[..., d * s.H : (d + 1) * s.H].any()}
        return Effect(moved, frozenset(rows), frozenset(halves), first)


def made_in_float64(native: Object, case: Case, sizes: Sizes) -> Any:
    """Return an object of float64 for a case, with a head of the size for one."""
    with default_dtype(torch.float64):
        return native.made(case, torch.float64, 0, sizes.O)


def big(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes of a shape beside those of 1."""
    return tuple(size for size in shape if size > 1)


def _where(view: View) -> Any:
    return ... if view.index is None else view.index


def _alike(one: Tensor | None, other: Tensor | None) -> bool:
    return one is not None and other is not None and one.dim() == 3 and one.shape == other.shape


def _differs(one: Tensor | None, other: Tensor | None) -> Tensor:
    assert one is not None
    assert other is not None
    return (one - other).abs() > MOVED
