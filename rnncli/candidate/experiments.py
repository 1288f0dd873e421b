"""Experiments on an object alone: one tensor is changed, or a part of it, and what moves tells which weight it is.

Nothing is compared with nn.RNN. The matrices are random, and all biases are zero:

    "0"     one step, x = 0, h_0 = 0        a bias moves the result, a matrix does not
    "x"     one step, x random, h_0 = 0     what moves the result multiplies the input of its layer
    "h3"    one step, x = 0, one row of h_0 what moves the result multiplies that row, or the output of a layer below
    "late"  four steps, x at the last alone what moves the first output belongs to the reverse direction
    "early" four steps, x at the first alone, of an object with gates that takes no h_0
    "all"   four steps, all random          what moves nothing is a buffer: a gradient accumulator, a kept state
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from rnncli.candidate.convention import Reading, Results, States
from rnncli.candidate.names import EXACT, slot
from rnncli.candidate.places import Held, big, held_by
from rnncli.candidate.trial import Trial
from rnncli.candidate.weights import Binding, Weight
from rnncli.candidate.wiring import Piece
from rnncli.core.cells import CELLS, Cell

MOVED = 1e-9  # of values of order one: what has no effect is multiplied by 0, in any dtype


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
    """A tensor, or the part of it at an index, that may be a weight; and what names and experiments say of it.

    `effective`: it moves something. `blocks`: of rows, one for each of its `gates`, along an `axis`; `big` is the shape
    of one of them. `interleaved`: the rows of one unit lie together, not those of one gate. `apart`, `torchs_bias`:
    which of torch's biases that of the gates `of_apart` is, or all of it. `assumed`: its gates are torch's, as no
    experiment told them.
    """

    held: Held
    index: Any
    shape: tuple[int, ...]
    kind: str | None = None
    layer: int | None = None
    reverse: bool | None = None
    effective: bool = True
    moves_states: bool = False
    transposed: bool = False
    state_first: bool = False
    evidence: str = ""
    blocks: int = 1
    axis: int = 0
    interleaved: bool = False
    assumed: bool = False
    gates: tuple[str, ...] = ()
    apart: str = ""
    of_apart: tuple[str, ...] = ()
    torchs_bias: str = ""
    cell: Cell = CELLS["RNN"]

    def __post_init__(self) -> None:
        names = self.held.names
        said = [name for name in names if EXACT.search(name)] or [name for name in names if slot(name).kind]
        self.tensor = [*said, *names][0]  # the name that says the most
        self.claim, self.big, self.exact = slot(self.tensor), big(self.shape), any(map(EXACT.search, names))
        self.owner = self.tensor.rpartition(".")[0]  # the module that the tensor belongs to

    @property
    def name(self) -> str:
        index = self.index
        part = f"{index.start}:{index.stop}" if isinstance(index, slice) else str(self.number)
        return self.tensor if index is None else f"{self.tensor}.{part}"

    @property
    def number(self) -> int | None:
        """Return its place along an axis of the tensor, the first or the second; None of one that is no such part."""
        found = self.index[1] if isinstance(self.index, tuple) else self.index
        return found if isinstance(found, int) else None

    @property
    def of_all_layers(self) -> str:
        """Return the name of the list or the dict over layers that it is in, or its own."""
        return re.sub(r"\.(l|layer)?_?\d+$", "", self.tensor)

    @property
    def in_rows(self) -> bool:
        """Return whether it is a slice of the rows of a tensor, one behind the other."""
        return isinstance(self.index, slice) and len(self.shape) < len(self.held.shape)

    @property
    def numbers(self) -> list[int]:
        """Return the numbers in its name, and its index."""
        if self.in_rows and self.held.shape[0] > 1:
            return [self.index.start // math.prod(self.held.shape[1:])]
        plain = re.sub(r"[a-z]2[a-z]", "", self.tensor.lower())
        numbers = [int(number) for number in re.findall(r"(?<![a-z])\d+|(?<=_)\d+|(?<=[a-z])\d+(?=$|\.)", plain)]
        return [*numbers, self.index] if isinstance(self.index, int) else numbers

    @property
    def place(self) -> tuple[int, bool]:
        """Return the layer and the direction; the first where nothing tells."""
        return self.layer or 0, bool(self.reverse)

    @property
    def piece(self) -> Piece:
        """Return the view as a piece of a wiring."""
        vector, lies = len(self.big) != 2, (self.transposed, self.state_first)
        weight = Weight(self.kind or "", *self.place, *lies, vector=vector, evidence=self.evidence)
        weight = replace(weight, gates=self.gates, interleaved=self.interleaved, cell=self.cell)
        return Piece(self.tensor, self.index, replace(weight, apart=self.apart, of_apart=self.of_apart))


class Experiments:
    """An object with random matrices and biases of zero, and what moves when a tensor of it changes."""

    def __init__(self, trial: Trial, reading: Reading | None) -> None:
        """`reading` None: the object does not run, and nothing is known of it but names and shapes."""
        self.trial, self.sizes, self.reading = trial, trial.sizes, reading
        self.binding = reading.binding if reading else Binding(numpy=trial.native.arrays == (True,))
        self.dtype = reading.dtype if reading else torch.float64
        self.made = trial.made(self.dtype)
        self.held = held_by(self.made)
        self.generator = torch.Generator().manual_seed(11)
        self.values: dict[str, Tensor] = {}
        for one in self.held:
            matrix = len(big(one.shape)) > 1
            self._set(one, self._random(*one.shape) * 0.4 if matrix else torch.zeros(one.shape, dtype=torch.float64))
        self._base: dict[str, Results] = {}
        self._leaks = False  # a state kept from call to call would be taken for an effect
        self.takes_states = trial.takes_all_states and (reading is None or self._states_act())
        self._given = self._inputs() if reading else {}
        self._leaks = reading is not None and self._compared(self._ran("all"), self._ran("all")).any

    def _states_act(self) -> bool:
        """Return whether each state that is given has an effect: `c = torch.zeros_like(c_0)` leaves one none.

        No tensor is zero meanwhile: one vector may hold all weights.
        """
        generator, own, states = torch.Generator().manual_seed(12), dict(self.values), self.trial.states
        for one in self.held:
            self._set(one, torch.randn(one.shape, generator=generator, dtype=torch.float64) * 0.4)
        before, effects = self._computed(self.trial.x[:2], states), []
        for number, state in enumerate(states):
            others = (*states[:number], state + 1.0, *states[number + 1 :])
            effects.append(self._compared(before, self._computed(self.trial.x[:2], others)).any)
        for one in self.held:
            self._set(one, own[one.name])
        return all(effects)

    @property
    def returns_states(self) -> bool:
        """Return whether h_n comes out of it, as far as experiments have shown."""
        return "all" in self._base and self._base["all"][1] is not None

    @property
    def returns_h_n(self) -> bool:
        """Return whether what stands in h_n's place has its shape."""
        h_n = self.reading.h_n if self.reading else None
        return h_n is not None and h_n.fits

    def effect(self, view: View, when: str, change: Tensor | None = None) -> Effect:
        """Return what moves under a condition when the view changes: by random values, or by these."""
        if when not in self._given:
            return NOTHING
        if change is None:
            change = self._random(*_part(view, self.values[view.held.name]).shape) * 0.5 + 0.1
        return self._compared(*self._changed(view, when, change))

    def units(self, view: View, when: str, element: tuple[int, ...], row: int | None, half: int) -> set[int]:
        """Return which hidden units move when one element of a matrix changes: in a row of h_n, or a half of output."""
        if when not in self._given:
            return set()
        change = torch.zeros(view.shape, dtype=torch.float64)
        change[element] = 0.7
        (output, h_n, *_), (moved, moved_h_n, *_) = self._changed(view, when, change)
        s = self.sizes
        differs = _differs(h_n, moved_h_n) if row is not None else None
        if differs is not None and len(differs) == s.rows:
            return set(differs[row].any(0).nonzero().flatten().tolist())
        differs = _differs(output, moved)
        if differs is None or differs.shape[-1] != s.directions * s.H:
            return set()
        return set(differs.flatten(0, 1).any(0)[half * s.H : (half + 1) * s.H].nonzero().flatten().tolist())

    def fill_anew(self, one: Held, zeros: Iterable[View] = ()) -> None:
        """Fill a tensor with random values, but for parts of it that become zero."""
        value = self._random(*one.shape) * 0.4
        for part in zeros:
            _part(part, value).zero_()
        self._set(one, value)
        self._base = {}

    def positive_states(self) -> States:
        """Return states of positive random values, the same in all rows: h, of an LSTM c too."""
        s, generator = self.sizes, torch.Generator().manual_seed(13)
        sizes = [s.H, *[s.C] * (len(self.trial.states) - 1)]
        rows = (torch.rand(s.N, size, generator=generator, dtype=torch.float64) + 0.5 for size in sizes)
        return tuple(row.expand(s.rows, -1, -1).clone() for row in rows)

    def isolated(
        self, weights: Iterable[View], fills: Iterable[tuple[View, int, int | None, float]], x: Tensor, states: States
    ) -> Results:
        """Return what is computed with weights of zero but for some blocks, or one row of them, that are filled."""
        before, held = dict(self.values), {view.held.name: view.held for view in weights}
        for name in held:
            self.values[name] = torch.zeros_like(before[name])
        for view, block, unit, value in fills:
            part = _part(view, self.values[view.held.name])
            axis = [number for number, size in enumerate(view.shape) if size > 1][view.axis]
            first, step = (block, view.blocks) if view.interleaved else (block * self.sizes.C, 1)
            rows = part.movedim(axis, 0)[first::step][: self.sizes.C]
            (rows if unit is None else rows[unit : unit + 1]).fill_(value)
        try:
            for name, one in held.items():
                self._set(one, self.values[name])
            return self._computed(x, states)
        finally:
            for name, one in held.items():
                self._set(one, before[name])

    def _inputs(self) -> dict[str, tuple[Tensor, States | None]]:
        s, takes_state = self.sizes, self.takes_states
        nothing, late, rows = (torch.zeros(n, s.N, size, dtype=torch.float64)
                               for n, size in ((1, s.I), (4, s.I), (s.rows, s.H)))  # fmt: skip
        others = [self._random(s.rows, s.N, s.C) for _ in self.trial.states[1:]]  # c, without which f has no effect

        def states(h: Tensor) -> States | None:
            if takes_state:
                return h, *others
            return tuple(map(torch.zeros_like, (h, *others))) if self.trial.takes_all_states else None

        given = {"0": (nothing, states(rows)), "x": (self._random(1, s.N, s.I), states(rows))}
        late[-1] = self._random(s.N, s.I)
        given["late"] = late, states(rows)
        for row in range(s.rows if takes_state else 0):
            one = rows.clone()
            one[row] = self._random(s.N, s.H)
            given[f"h{row}"] = nothing, states(one)
        given["all"] = self._random(4, s.N, s.I), states(self._random(s.rows, s.N, s.H))
        given["early"] = late.flip(0), states(rows)
        given["two"] = given["all"][0][:2], None if self.trial.native.states.optional else states(rows)
        return given

    def _random(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, dtype=torch.float64)

    def _set(self, one: Held, value: Tensor) -> None:
        self.values[one.name] = value
        one.set(self.made, self.binding.value(value.to(self.dtype)))

    def _changed(self, view: View, when: str, change: Tensor) -> tuple[Results, Results]:
        """Return the results before and after a change of the view."""
        if when not in self._base:
            self._base[when] = self._ran(when)
        before = self.values[view.held.name]
        changed = before.clone()
        part = _part(view, changed)
        part += change.reshape(part.shape)
        self._set(view.held, changed)
        try:
            return self._base[when], self._ran(when)
        finally:
            self._set(view.held, before)

    def _ran(self, when: str) -> Results:
        return self._computed(*self._given[when])

    def _computed(self, x: Tensor, states: States | None) -> Results:
        assert self.reading is not None
        try:
            results = self.trial.computed(self.reading, x, states, self._own())
        except Exception as error:
            if len(x) == 1:
                error.add_note("given one step (L = 1)")
            raise
        return tuple(None if value is None else value.clone() for value in results)

    def _own(self) -> Any:
        """Return the object, a new one with the same values where it keeps a state from call to call."""
        if self._leaks:
            self.made = self.trial.made(self.dtype)
            for one in held_by(self.made):
                if one.name in self.values:
                    self._set(one, self.values[one.name])
        return self.made

    def _compared(self, before: Results, after: Results) -> Effect:
        s = self.sizes
        pairs = [
            (one, other) for one, other in zip(before, after, strict=True) if one is not None and other is not None
        ]
        if any(one.shape != other.shape for one, other in pairs):
            return Effect(True)
        moved = any(bool(((one - other).abs() > MOVED).any()) for one, other in pairs)
        output, h_n, *_ = (_differs(one, other) for one, other in zip(before, after, strict=True))
        of_rows = h_n is not None and len(h_n) == s.rows
        rows = {row for row in range(s.rows) if h_n[row].any()} if of_rows and h_n is not None else set()
        sides = [] if output is None or output.shape[-1] != s.directions * s.H else torch.split(output, s.H, -1)
        halves = {half for half, side in enumerate(sides) if side.any()}
        return Effect(moved, frozenset(rows), frozenset(halves), output is not None and bool(output[0].any()))


def _part(view: View, value: Tensor) -> Tensor:
    """Return the part of a tensor that a view is, over the same memory; slices of ONNX's (D, 8 H) go along its rows."""
    if view.in_rows:
        return value.view(-1)[view.index]
    part: Tensor = value[... if view.index is None else view.index]
    return part.view(view.shape) if part.dim() == 1 and len(view.shape) > 1 else part


def _differs(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """Return where two tensors of three axes and equal shapes differ; None for others."""
    if one is None or other is None or one.dim() != 3 or one.shape != other.shape:
        return None
    return (one - other).abs() > MOVED
