"""Which tensor of an object holds which of nn.RNN's parameters: names first, then experiments on the object alone.

An experiment changes one tensor and looks at what moves; nothing is compared with nn.RNN. All biases are zero then.

    one step, x = 0, h_0 = 0        a bias moves the result, a matrix does not
    one step, x random, h_0 = 0     what moves the result multiplies the input of its layer
    one step, x = 0, one row of h_0 what moves the result multiplies that row, or the output of a layer below
    the lowest row of h_n moved     the layer and the direction
    x at the last step alone        what moves the first output belongs to the reverse direction
    no effect anywhere              a buffer: a gradient accumulator, a kept state
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from rnncli.candidate.calling import Binding, Object
from rnncli.candidate.load import default_dtype
from rnncli.candidate.names import EXACT, slot
from rnncli.candidate.places import Held, held_by
from rnncli.core.case import Case

Runner = Callable[[Any, Tensor, Tensor | None], tuple[Tensor | None, Tensor | None]]

MOVED = 1e-9  # of values of order one, in float64: far above rounding and far below any effect
MOST_ELEMENTS = 600  # of a flat buffer that is looked at element by element
_NOT_A_WEIGHT = re.compile(
    r"(^|[._])(d|grad|grads|delta|acc|mem|m|v|vel|momentum|cache|last|prev)_?(?=[A-Z_wbWB])|grad"
)
_TORCH_NAME = re.compile(r"(^|[._])((weight|bias)_[ih]h)(_l\d+\w*)?$")
_LAYER_WORDS = re.compile(r"(_l|layers?[._]?|level[._]?)(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Piece:
    """A part of an object's tensor, and the parameter of nn.RNN it holds. `index`: the part, None for the whole.

    `kind`: weight_ih, weight_hh, bias_ih, bias_hh, bias (the sum of both), weight (both matrices in one), readout.
    """

    tensor: str
    index: Any
    kind: str
    layer: int = 0
    reverse: bool = False
    transposed: bool = False
    state_first: bool = False
    evidence: str = ""

    @property
    def suffix(self) -> str:
        return f"l{self.layer}_reverse" if self.reverse else f"l{self.layer}"

    @property
    def weight(self) -> str:
        """What it holds, in words."""
        if self.kind == "readout":
            return "a head: set to the identity"
        if self.kind == "bias":
            return f"bias_ih_{self.suffix} + bias_hh_{self.suffix}"
        if self.kind == "weight":
            parts = [f"weight_ih_{self.suffix}", f"weight_hh_{self.suffix}"]
            text = f"[{', '.join(parts[::-1] if self.state_first else parts)}]"
        else:
            text = f"{self.kind}_{self.suffix}"
        return f"{text}.T" if self.transposed else text


@dataclass(frozen=True)
class Wiring:
    """The pieces of an object that hold nn.RNN's parameters; the shapes their tensors had when they were looked at."""

    pieces: tuple[Piece, ...]
    shapes: Mapping[str, tuple[int, ...]]
    missing: tuple[str, ...] = ()  # parameters of nn.RNN that have no place
    buffers: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()  # trainable parameters that act and have no counterpart in nn.RNN
    beyond: tuple[str, ...] = ()  # weights of layers that were not asked for
    turned: bool = False  # a square matrix lies the other way than its neighbour, whose shape tells how it lies
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # further names of a tensor

    def set(
        self,
        made: Any,
        held: Sequence[Held],
        params: Mapping[str, Tensor],
        binding: Binding,
        case: Case,
        head: float = 1.0,
    ) -> None:
        """Put nn.RNN's parameters into an object; a head becomes the identity, times `head`."""
        del case
        by_name = {name: one for one in held for name in one.names}
        for name, shape in self.shapes.items():
            pieces = [piece for piece in self.pieces if piece.tensor == name]
            if pieces and pieces[0].kind == "readout" and not _is_plain_head(by_name.get(name), params):
                continue
            if pieces and name in by_name:
                value = self.value(pieces, shape, params, by_name[name])
                value = value * head if pieces[0].kind == "readout" else value
                by_name[name].set(made, binding.value(value))

    def value(
        self, pieces: Sequence[Piece], shape: tuple[int, ...], params: Mapping[str, Tensor], held: Held | None = None
    ) -> Tensor:
        """The value of a tensor of that many axes, from its pieces."""
        values = [_valued(piece, params, self._biases(piece)) for piece in pieces]
        if pieces[0].index is None:
            value = values[0]
        elif isinstance(pieces[0].index, slice):
            value = torch.cat([one.reshape(-1) for one in values])
        else:
            value = torch.stack(values)
        for axis, size in enumerate(shape):
            if size == 1 and value.dim() < len(shape):
                value = value.unsqueeze(axis)
        whole = held is not None and (isinstance(held.value, Tensor) or value.dim() < len(shape))
        if held is not None and whole and value.numel() == math.prod(held.shape):
            value = value.reshape(held.shape)
        return value

    def _biases(self, piece: Piece) -> int:
        same = (piece.layer, piece.reverse)
        return sum(one.kind.startswith("bias") and (one.layer, one.reverse) == same for one in self.pieces)

    def as_its_neighbours(self) -> "Wiring":
        """The wiring with its square matrices the way the others lie, whatever they behave like."""
        told = next(
            piece
            for piece in self.pieces
            if piece.kind == "weight_ih" and len(set(_big(self.shapes[piece.tensor]))) == 2
        )
        square = {name for name, shape in self.shapes.items() if len(_big(shape)) == 2 and len(set(_big(shape))) == 1}
        turned = [piece.tensor in square and piece.kind in ("weight_hh", "weight_ih") for piece in self.pieces]
        pieces = tuple(
            replace(piece, transposed=told.transposed) if turn else piece
            for piece, turn in zip(self.pieces, turned, strict=True)
        )
        return replace(self, pieces=pieces)

    def rows(self) -> tuple[tuple[str, str, str], ...]:
        """Each tensor, the weight it was given, and why."""
        found = []
        for piece in self.pieces:
            part = "" if piece.index is None else f"[{piece.index}]"
            if isinstance(piece.index, slice):  # counted: offsets would be those of the sizes of a trial
                starts = sorted(one.index.start for one in self.pieces if one.tensor == piece.tensor)
                part = f"[part {starts.index(piece.index.start) + 1} of {len(starts)}]"
            alone = replace(piece, kind="bias") if piece.kind.startswith("bias") and self._biases(piece) == 1 else piece
            found.append((f"{piece.tensor}{part}", alone.weight, piece.evidence))
            same = f"the same tensor as {piece.tensor}"
            found += [(f"{name}{part}", alone.weight, same) for name in self.aliases.get(piece.tensor, ())]
        return (*found, *((name, "nothing: it is a buffer", "it has no effect") for name in self.buffers))

    def faults(
        self, held: Sequence[Held], params: Mapping[str, Tensor], module: nn.Module | None, no_bias: bool = False
    ) -> list[tuple[str, str, str]]:
        """What is wrong with an object's own tensors: the parameter's name, the cause, and the reason.

        A tensor that is set keeps what it had: its shape, and in an nn.Module being a Parameter that requires grad.
        """
        by_name = {name: one for one in held for name in one.names}
        registered = {id(one) for one in module.parameters()} if module is not None else set()
        acts = "is trained and acts, and nn.RNN has no such parameter"
        found = [("weight_ih_l0", "extra-parameter", f"{name} {acts}") for name in self.extra]
        if self.beyond and module is not None:
            found.append(("weight_ih_l0", "wrong-shape", f"{self.beyond[0]} belongs to a layer that was not asked for"))
        for name, shape in self.shapes.items():
            pieces = [piece for piece in self.pieces if piece.tensor == name and piece.kind != "readout"]
            one = by_name.get(name)
            if not pieces or one is None:
                continue
            value = self.value([piece for piece in self.pieces if piece.tensor == name], shape, params, one)
            weight = f"{'weight_ih' if pieces[0].kind == 'weight' else pieces[0].kind}_{pieces[0].suffix}"
            weight = weight.replace("bias_l", "bias_ih_l")
            if one.shape != tuple(value.shape):
                upper = pieces[0].kind in ("weight_ih", "weight") and pieces[0].layer > 0
                cause = "upper-layer-reads-hidden-size" if upper else "wrong-shape"
                reason = f"{name} has shape {_tuple(one.shape)}, expected {_tuple(value.shape)}"
                found.append((weight, cause, reason))
            elif no_bias and all(piece.kind.startswith("bias") for piece in pieces):
                found.append((weight, "bias-kept", f"{name} is a bias, and bias=False was asked for"))
            elif module is not None and not one.parameter:
                found.append((weight, "not-a-parameter", f"{name} is a plain tensor, expected an nn.Parameter"))
            elif module is not None and not registered & set(map(id, one.objects)):
                found.append((weight, "not-a-parameter", f"{name} is not registered: parameters() does not give it"))
            elif module is not None and isinstance(one.value, Tensor) and not one.value.requires_grad:
                found.append((weight, "not-a-parameter", f"{name} has requires_grad=False"))
        return found


def _is_plain_head(held: Held | None, params: Mapping[str, Tensor]) -> bool:
    """Whether a head reads the state alone: at equal sizes its matrix is square."""
    hidden = len(params["weight_hh_l0"])
    return held is not None and set(_big(held.shape)) <= {hidden}


def _valued(piece: Piece, params: Mapping[str, Tensor], biases: int) -> Tensor:
    hidden = params["weight_hh_l0"]
    if piece.kind == "readout":
        eye = torch.eye(len(hidden), dtype=hidden.dtype, device=hidden.device)
        return eye if piece.layer == 2 else hidden.new_zeros(len(hidden))
    if piece.kind.startswith("bias"):
        both = [params.get(f"{name}_{piece.suffix}") for name in ("bias_ih", "bias_hh")]
        zeros = hidden.new_zeros(len(hidden))
        ih, hh = (zeros if one is None else one for one in both)
        return ih + hh if biases == 1 or piece.kind == "bias" else hh if piece.kind == "bias_hh" else ih
    if piece.kind == "weight":
        parts = [params[f"weight_ih_{piece.suffix}"], params[f"weight_hh_{piece.suffix}"]]
        value = torch.cat(parts[::-1] if piece.state_first else parts, 1)
    else:
        value = params[f"{piece.kind}_{piece.suffix}"]
    return value.T if piece.transposed else value


# -- experiments -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sizes:
    """The sizes of the experiments: as far as they can be chosen, pairwise distinct."""

    L: int
    N: int
    I: int  # noqa: E741
    H: int
    O: int  # noqa: E741
    layers: int
    directions: int

    @property
    def rows(self) -> int:
        return self.layers * self.directions

    def features(self, layer: int) -> int:
        return self.I if layer == 0 else self.H * self.directions


@dataclass(frozen=True)
class Effect:
    """What moved: rows of h_n, halves of output's features, its first step, anything at all."""

    any: bool
    rows: frozenset[int]
    halves: frozenset[int]
    first: bool


NOTHING = Effect(False, frozenset(), frozenset(), False)


@dataclass(eq=False)
class View:
    """A tensor, or a part of it, that may be a weight."""

    held: Held
    index: Any
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        part = "" if self.index is None else f".{_shown(self.index)}"
        return f"{_best_name(self.held)}{part}"


class Experiments:
    """An object with random matrices and biases of zero, and what moves when a tensor of it changes."""

    def __init__(self, native: Object, case: Case, sizes: Sizes, run: Runner | None, binding: Binding) -> None:
        """`run` None: the object does not run, and nothing is known of it but names and shapes."""
        self.sizes, self.run, self.binding = sizes, run, binding
        self.make: Callable[[], Any] = lambda: _made(native, case, sizes)
        self.made = self.make()
        self.held = held_by(self.made)
        self._now: dict[str, Tensor] = {}
        self.generator = torch.Generator().manual_seed(11)
        self.takes_state = native.takes_state
        self.values = {id(one): self._background(one) for one in self.held}
        for one in self.held:
            self._set(one, self.values[id(one)])
        self._given = self._inputs()
        self._base: dict[str, tuple[Tensor | None, Tensor | None]] = {}
        self._leaks = False
        if run is None:
            self._given = {}
            return
        once, again = (self._copied(*self._given["all"]) for _ in range(2))
        self._leaks = self._compared(once, again).any

    def random(self, *shape: int) -> Tensor:
        """Normal values from this generator."""
        return torch.randn(shape, generator=self.generator, dtype=torch.float64)

    def _background(self, one: Held) -> Tensor:
        big = [size for size in one.shape if size > 1]
        return torch.zeros(one.shape, dtype=torch.float64) if len(big) <= 1 else self.random(*one.shape) * 0.4

    def _set(self, one: Held, value: Tensor) -> None:
        self._now[one.name] = value
        one.set(self.made, self.binding.value(value))

    def _inputs(self) -> dict[str, tuple[Tensor, Tensor | None]]:
        s = self.sizes
        nothing = torch.zeros(1, s.N, s.I, dtype=torch.float64)
        h = torch.zeros(s.rows, s.N, s.H, dtype=torch.float64) if self.takes_state else None
        given: dict[str, tuple[Tensor, Tensor | None]] = {"0": (nothing, h), "x": (self.random(1, s.N, s.I), h)}
        late = torch.zeros(4, s.N, s.I, dtype=torch.float64)
        late[-1] = self.random(s.N, s.I)
        given["late"] = late, h
        if h is not None:
            for row in range(s.rows):
                one = h.clone()
                one[row] = self.random(s.N, s.H)
                given[f"h{row}"] = nothing, one
        given["all"] = self.random(4, s.N, s.I), None if h is None else self.random(s.rows, s.N, s.H)
        return given

    def effect(self, view: View, when: str, change: Tensor | None = None) -> Effect:
        """What moves under a condition when the view changes: by random values, or by these."""
        if when not in self._given:
            return NOTHING
        if when not in self._base:
            self._base[when] = self._copied(*self._given[when])
        before = self.values[id(view.held)]
        changed = before.clone()
        part = changed if view.index is None else changed[view.index]
        delta = self.random(*part.shape) * 0.5 + 0.1 if change is None else change
        if view.index is None:
            changed += delta
        else:
            changed[view.index] += delta
        self._set(view.held, changed)
        try:
            after = self._copied(*self._given[when])
        finally:
            self._set(view.held, before)
        return self._compared(self._base[when], after)

    def _copied(self, x: Tensor, h: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        if self._leaks:  # a state kept from call to call would be taken for an effect
            changed = {one.name: one for one in self.held}
            values = {name: self._now[name] for name in changed}
            self.made = self.make()
            for one in (fresh := held_by(self.made)):
                if one.name in values:
                    one.set(self.made, self.binding.value(values[one.name]))
            del fresh
        assert self.run is not None
        output, h_n = self.run(self.made, x.clone(), None if h is None else h.clone())
        return (None if output is None else output.clone(), None if h_n is None else h_n.clone())

    def _compared(
        self, before: tuple[Tensor | None, Tensor | None], after: tuple[Tensor | None, Tensor | None]
    ) -> Effect:
        s, rows, halves, first, moved = self.sizes, set[int](), set[int](), False, False
        for which, (one, other) in enumerate(zip(before, after, strict=True)):
            if one is None or other is None:
                continue
            if one.shape != other.shape:
                return Effect(True, frozenset(), frozenset(), False)
            differs = (one - other).abs() > MOVED
            moved = moved or bool(differs.any())
            if which == 1 and one.dim() == 3 and one.shape[0] == s.rows:
                rows = {row for row in range(s.rows) if differs[row].any()}
            if which == 0 and one.dim() == 3:
                first = bool(differs[0].any())
                if one.shape[-1] == s.directions * s.H:
                    halves = {d for d in range(s.directions) if differs[..., d * s.H : (d + 1) * s.H].any()}
        return Effect(moved, frozenset(rows), frozenset(halves), first)

    def unit_moved(self, view: View, when: str, element: tuple[int, int], row: int | None, half: int) -> set[int]:
        """Which hidden units move in one step when one element of a matrix changes."""
        if when not in self._given:
            return set()
        if when not in self._base:
            self._base[when] = self._copied(*self._given[when])
        before = self.values[id(view.held)]
        changed = before.clone()
        target = changed if view.index is None else changed[view.index]
        matrix = target.view(view.shape)
        matrix[element] += 0.7
        if view.index is not None:
            changed[view.index] = target
        self._set(view.held, changed)
        try:
            output, h_n = self._copied(*self._given[when])
        finally:
            self._set(view.held, before)
        base_output, base_h_n = self._base[when]
        s = self.sizes
        rows = h_n is not None and h_n.dim() == 3 and h_n.shape[0] == s.rows
        if rows and row is not None and h_n is not None and base_h_n is not None and h_n.shape == base_h_n.shape:
            return set(((h_n - base_h_n)[row].abs() > MOVED).any(0).nonzero().flatten().tolist())
        if output is not None and base_output is not None and output.shape == base_output.shape and output.dim() == 3:
            differs = ((output - base_output).abs() > MOVED).flatten(0, 1).any(0)
            if len(differs) == s.directions * s.H:
                return set(differs[half * s.H : (half + 1) * s.H].nonzero().flatten().tolist())
        return set()


# -- the plan ----------------------------------------------------------------------------------------------------------


class Unwired(Exception):
    """A weight of nn.RNN whose place cannot be told."""


def wired(native: Object, case: Case, sizes: Sizes, run: Runner | None, binding: Binding, named: bool = True) -> Wiring:
    """Find the place of every parameter of nn.RNN in an object. Raises Unwired.

    `run` None: by names and shapes alone, of an object whose calls raise.
    """
    held = held_by(_made(native, case, sizes))
    exact = _exact(held, case, sizes) if named else None
    if exact is not None:
        return exact
    return _Plan(Experiments(native, case, sizes, run, binding), case).wiring()


def _made(native: Object, case: Case, sizes: Sizes) -> Any:
    with default_dtype(torch.float64):
        return native.made(case, torch.float64, 0, sizes.O)


def _expected(case: Case, sizes: Sizes) -> list[str]:
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if case.rnn.bias else 2]
    suffixes = [f"l{layer}{end}" for layer in range(sizes.layers) for end in ("", "_reverse")[: sizes.directions]]
    return [f"{kind}_{suffix}" for suffix in suffixes for kind in kinds]


def _exact(held: Sequence[Held], case: Case, sizes: Sizes) -> Wiring | None:
    """The wiring of an object whose tensors have nn.RNN's own names, all of them."""
    expected, found = _expected(case, sizes), {}
    for one in held:
        for name in one.names:
            match = EXACT.search(name)
            if match and match[0] not in found:
                found[match[0]] = one, name
    if not set(expected) <= set(found):
        return None
    expected += [name for name in found if name.startswith("bias") and name not in expected]  # zeros without bias
    pieces = []
    for name in expected:
        match = EXACT.search(name)
        assert match is not None
        pieces.append(Piece(found[name][1], None, f"{match[1]}_{match[2]}", int(match[3]), match[4] is not None,
                            evidence="its name"))  # fmt: skip
    if len({id(found[name][0]) for name in expected}) < len(expected):
        return None  # one tensor under two of the names
    tensors = {piece.tensor: found[name][0] for piece, name in zip(pieces, expected, strict=True)}
    shapes = {name: one.shape for name, one in tensors.items()}
    return Wiring(tuple(pieces), shapes, aliases=_aliases(tensors))


def _aliases(tensors: Mapping[str, Held]) -> dict[str, tuple[str, ...]]:
    return {known_as: tuple(name for name in one.names if name != known_as) for known_as, one in tensors.items()}


@dataclass(eq=False)
class Fact:
    """What names and experiments say of a view."""

    view: View
    claim: str | None  # kind by name
    kind: str | None = None
    layer: int | None = None
    reverse: bool | None = None
    effective: bool = True
    transposed: bool = False
    state_first: bool = False
    evidence: str = ""


class _Plan:
    """The facts of every view of an object, and the wiring that follows from them."""

    def __init__(self, experiments: Experiments, case: Case) -> None:
        self.experiments, self.case, self.sizes = experiments, case, experiments.sizes
        self.turned = False

    def wiring(self) -> Wiring:
        facts = [self._fact(view) for view in self._views()]
        self._index_claims(facts)
        kept, buffers = self._chosen(facts)
        self._orient(kept)
        self._pair_biases(kept)
        pieces = [
            Piece(
                _best_name(f.view.held),
                f.view.index,
                f.kind or "",
                f.layer or 0,
                bool(f.reverse),
                f.transposed,
                f.state_first,
                f.evidence,
            )
            for f in kept
        ]
        shapes = {piece.tensor: f.view.held.shape for piece, f in zip(pieces, kept, strict=True)}
        aliases = _aliases({piece.tensor: f.view.held for piece, f in zip(pieces, kept, strict=True)})
        beyond = self._beyond(kept, buffers)
        wiring = Wiring(tuple(pieces), shapes, (), tuple(buffers), beyond=beyond, turned=self.turned, aliases=aliases)
        missing = self._missing(pieces)
        if any(name.startswith(("weight_hh", "weight_ih")) for name in missing):
            shared = {id(f.view.held) for f in kept}
            has = ", ".join(f"{one.name} {_tuple(one.shape)}" for one in self.experiments.held[:6]) or "none"
            if not shared:
                raise Unwired(f"none of its tensors acts as a weight (it has {has})")
        return replace(wiring, missing=tuple(missing))

    # -- views ---------------------------------------------------------------------------------------------------------

    def _views(self) -> list[View]:
        s, views = self.sizes, []
        for one in self.experiments.held:
            big = tuple(size for size in one.shape if size > 1)
            if len(big) == 1 and one.value.ndim == 1 and big[0] >= s.H * (s.I + s.H) and not one.linear:
                views += self._segments(one)
            elif (
                len(one.shape) == 3
                and one.shape[0] > 1
                and one.shape[0] in (s.layers, s.directions, s.rows)
                and (len(big) == 3 or big[1:] == (s.H,))
            ) or (
                len(one.shape) == 2
                and one.shape[0] > 1
                and one.shape[0] in (s.layers, s.directions, s.rows)
                and one.shape[1] == s.H != one.shape[0]
            ):
                views += [View(one, index, one.shape[1:]) for index in range(one.shape[0])]
            else:
                views.append(View(one, None, one.shape))
        return views

    def _segments(self, one: Held) -> list[View]:
        """The parts of a flat buffer, by what its elements do."""
        s, kinds = self.sizes, []
        if one.shape[0] > MOST_ELEMENTS or s.rows > 1:
            raise Unwired(f"{one.name} {_tuple(one.shape)} holds many weights at once, of several layers or directions")
        for index in range(one.shape[0]):
            element = View(one, slice(index, index + 1), (1,))
            effects = {when: self.experiments.effect(element, when).any for when in ("0", "x", "h0")}
            kinds.append("b" if effects["0"] else "x" if effects["x"] else "h" if effects.get("h0") else "-")
        sizes = {"x": s.I * s.H, "h": s.H * s.H, "b": s.H}
        text, views, start = "".join(kinds), [], 0
        silent = re.search(r"-+$", text)
        if silent and len(silent[0]) in (s.H, 2 * s.H):  # biases without effect stand last
            text = text[: silent.start()] + "b" * len(silent[0])
        while start < len(text):
            length = sizes.get(text[start], 0)
            if not length or text[start : start + length] != text[start] * length:
                raise Unwired(f"{one.name} {_tuple(one.shape)}: element {start} belongs to no whole weight")
            shape = {"x": (s.H, s.I), "h": (s.H, s.H), "b": (s.H,)}[text[start]]
            views.append(View(one, slice(start, start + length), shape))
            start += length
        return views

    # -- facts ---------------------------------------------------------------------------------------------------------

    def _fact(self, view: View) -> Fact:
        s, ask = self.sizes, self.experiments.effect
        meant = _claim(view.held)
        fact = Fact(view, meant.kind)
        effects = {when: ask(view, when) for when in ["0", "x", *(f"h{row}" for row in range(s.rows)), "all", "late"]}
        fact.effective = any(effect.any for effect in effects.values()) or self.experiments.run is None
        rows = [row for row in range(s.rows) if effects[f"h{row}"].any]
        big = tuple(size for size in view.shape if size > 1)
        head = s.O in big
        feeds_back = effects["all"].rows or not self._has_h_n()
        if head or (meant.kind == "readout" and fact.effective and not (effects["all"].rows and self._has_h_n())):
            fact.kind, fact.layer, fact.evidence = "readout", len(big), "moves what is returned and no state"
            return fact
        if _Plan._is_state(view.held) and big != (s.H, s.H):  # a matrix by that name multiplies h
            fact.kind = None
            return fact
        torchs = _TORCH_NAME.search(_best_name(view.held))
        if len(big) <= 1 and torchs and torchs[2].startswith("weight"):
            fact.kind, fact.evidence = torchs[2], "its name"
            return fact
        if len(big) <= 1:
            if big and big[0] != s.H:
                fact.kind, fact.evidence = None, ""
                return fact
            named = (meant.kind or "").startswith("bias") or view.held.linear
            if effects["0"].any:
                fact.kind, fact.evidence = "bias", "acts where x = 0 and h = 0"
                self._locate(fact, effects["0"])
            elif named or (torchs and self.experiments.run is None):
                fact.kind = "bias"
                fact.evidence = "its name" if fact.effective else "its name; it has no effect"
                self._locate(fact, effects["all"])
            return fact
        fact.kind = self._matrix_kind(view, effects, meant.kind)
        if not fact.effective:
            fact.evidence = "its name; it has no effect"
            return fact
        if fact.kind == "weight_hh":
            fact.evidence = "no effect where h = 0"
            if len(rows) == 1:
                fact.layer, reverse = divmod(rows[0], s.directions)
                fact.reverse = reverse == 1
            elif not rows:
                self._locate(fact, effects["all"] if s.rows == 1 else NOTHING)
                if s.directions == 2 and s.layers == 1:
                    fact.reverse = effects["late"].first
        elif fact.kind in ("weight_ih", "weight"):
            fact.evidence = "no effect where x = 0" if not rows else "acts on the output of the layer below"
            self._locate(fact, effects["x"])
            unseen = not effects["x"].rows and len(effects["x"].halves) != 2
            if s.directions == 2 and s.layers == 1 and fact.reverse is None and unseen:
                fact.reverse = effects["late"].first
        if not feeds_back and fact.kind == "weight_hh" and not rows and self.experiments.takes_state:
            fact.evidence = "its shape"
        return fact

    @staticmethod
    def _is_state(held: Held) -> bool:
        last = held.name.rpartition(".")[2].lower()
        return bool(
            re.fullmatch(r"(h|h0|h_0|hidden|hidden_state|state|init_h\w*|initial_\w*|h_init|prev_h|h_prev)", last)
        )

    def _has_h_n(self) -> bool:
        return "all" in self.experiments._base and self.experiments._base["all"][1] is not None

    def _matrix_kind(self, view: View, effects: Mapping[str, Effect], claim: str | None) -> str | None:
        s = self.sizes
        big = tuple(size for size in view.shape if size > 1)
        features = {s.features(layer) for layer in range(s.layers)}
        if len(big) != 2 or s.H not in big:
            return None
        other = big[0] if big[1] == s.H else big[1]
        joined = any(other == wide + s.H for wide in features)
        possible = {"weight_ih"} if other in features else set()
        possible |= {"weight_hh"} if other == s.H else set()
        possible |= {"weight"} if joined else set()
        by_effect = "weight_ih" if effects["x"].any else "weight_hh" if effects["all"].any else None
        if by_effect == "weight_ih" and "weight" in possible:
            by_effect = "weight"
        torchs = _TORCH_NAME.search(_best_name(view.held))
        if torchs and torchs[2].startswith("weight") and not joined:
            return torchs[2]
        if not possible and by_effect and not torchs:
            raise Unwired(f"{view.name} {_tuple(view.shape)} acts, and no weight of nn.RNN has that shape")
        if not possible:
            return claim if claim in ("weight_ih", "weight_hh") else by_effect
        if claim in possible:
            return claim
        if len(possible) == 1:
            return next(iter(possible)) if by_effect or claim else None
        return by_effect if by_effect in possible else None

    def _locate(self, fact: Fact, effect: Effect) -> None:
        """The layer and the direction, by the lowest row of h_n that moves, or by the half of output."""
        s = self.sizes
        if effect.rows:
            lowest = min(row // s.directions for row in effect.rows)
            inside = {row % s.directions for row in effect.rows if row // s.directions == lowest}
            fact.layer = lowest
            fact.reverse = inside == {1} if len(inside) == 1 else None
        elif s.layers == 1:
            fact.layer = 0
            fact.reverse = effect.halves == {1} if len(effect.halves) == 1 else None
        if s.directions == 1:
            fact.reverse = False
        if s.layers == 1:
            fact.layer = 0

    # -- claims of names -----------------------------------------------------------------------------------------------

    def _index_claims(self, facts: list[Fact]) -> None:
        """Layers and directions by the words and numbers of names, where they are words, or nothing else told."""
        s = self.sizes
        weights = [fact for fact in facts if fact.kind and fact.kind != "readout"]
        words = any(_claim(fact.view.held).reverse for fact in weights) or self._lettered(weights)
        first = min((number for fact in weights for number in _numbers(fact.view)[-1:]), default=0)
        owners = list(dict.fromkeys(_best_name(fact.view.held).rpartition(".")[0] for fact in weights))
        for fact in weights:
            claim, numbers = _claim(fact.view.held), _numbers(fact.view)
            if not numbers and len(owners) == s.rows > 1 and "" not in owners:  # left and right, first and second
                numbers = [owners.index(_best_name(fact.view.held).rpartition(".")[0])]
                first = 0
            if s.directions == 2 and words:
                fact.reverse = claim.reverse or self._is_second(fact.view.held)
            said = _LAYER_WORDS.search(_best_name(fact.view.held))
            layer, reverse = self._by_number(numbers, first, words)
            if said and s.layers > 1 and int(said[2]) < s.layers and fact.layer is None:
                layer = int(said[2])
            if fact.layer is None:
                fact.layer = layer
            if fact.reverse is None:
                fact.reverse = reverse
        self._settle_conflicts(weights, first, words)
        self._by_owner(weights, owners)

    def _settle_conflicts(self, weights: list[Fact], first: int, words: bool) -> None:
        """Let numbers in names decide where experiments put several tensors in one place.

        So they do in code whose layers all start from one state, or that returns h_n in another order.
        """
        by_kind: dict[str | None, list[Fact]] = defaultdict(list)
        for fact in weights:
            if fact.effective:
                by_kind[fact.kind].append(fact)
        for kind, group in by_kind.items():
            most = 2 if kind == "bias" else 1
            found = Counter((fact.layer or 0, bool(fact.reverse)) for fact in group)
            named = [self._by_number(_numbers(fact.view), first, words) for fact in group]
            if max(found.values()) > most and max(Counter(named).values()) <= most:
                for fact, (fact.layer, fact.reverse) in zip(group, named, strict=True):
                    fact.evidence = "the number in its name"

    def _by_owner(self, weights: list[Fact], owners: list[str]) -> None:
        """Where two tensors act as one weight, and each belongs to a module of its own: the modules, in order."""
        s = self.sizes
        if len(owners) != s.rows or s.rows == 1 or "" in owners:
            return
        places = [(fact.kind, fact.layer, fact.reverse) for fact in weights if fact.kind in ("weight_ih", "weight_hh")]
        if len(places) == len(set(places)):
            return
        for fact in weights:
            fact.layer, reverse = divmod(owners.index(_best_name(fact.view.held).rpartition(".")[0]), s.directions)
            fact.reverse = reverse == 1

    def _by_number(self, numbers: list[int], first: int, words: bool) -> tuple[int, bool]:
        s = self.sizes
        if not numbers:
            return 0, False
        number = numbers[-1] - first
        if s.layers == 1:
            return 0, s.directions == 2 and not words and number == 1
        if s.directions == 1 or words:
            return min(max(number, 0), s.layers - 1), False
        if len(numbers) > 1:
            return min(numbers[-2], s.layers - 1), numbers[-1] == 1
        return min(number // 2, s.layers - 1), number % 2 == 1

    def _lettered(self, facts: list[Fact]) -> bool:
        owners = {_best_name(fact.view.held).partition(".")[0].lower() for fact in facts}
        return {"f", "b"} <= owners or {"f_cell", "b_cell"} <= owners or {"f_rnn", "b_rnn"} <= owners

    @staticmethod
    def _is_second(held: Held) -> bool:
        return bool(re.match(r"b(_|\.)(?!$)", _best_name(held).lower())) and "." in _best_name(held)

    # -- choice --------------------------------------------------------------------------------------------------------

    def _chosen(self, facts: list[Fact]) -> tuple[list[Fact], list[str]]:
        """The views that are weights: of two with the same claim, the one that has an effect."""
        groups: dict[tuple[str, int, bool], list[Fact]] = defaultdict(list)
        kept: list[Fact] = []
        buffers: list[str] = []
        for fact in facts:
            if fact.kind is None:
                if not fact.effective and self.sizes.H in fact.view.shape:
                    buffers.append(fact.view.name)
                continue
            if fact.kind == "readout":
                kept.append(fact)
                continue
            groups[fact.kind, fact.layer or 0, bool(fact.reverse)].append(fact)
        for (kind, _, _), group in groups.items():
            acting = [fact for fact in group if fact.effective]
            silent = [fact for fact in group if not fact.effective]
            most = 2 if kind == "bias" else 1
            claimed = [
                fact
                for fact in silent
                if (fact.claim or isinstance(fact.view.index, slice))
                and not _NOT_A_WEIGHT.search(_best_name(fact.view.held))
            ]
            if kind == "bias" and len(acting) == 1:
                claimed = [fact for fact in claimed if _other_bias(fact, acting[0])]
            room = most - len(acting)
            kept += acting + (claimed[:room] if room > 0 else [])
            buffers += [fact.view.name for fact in silent if fact not in claimed[: max(room, 0)]]
            if len(acting) > most:
                names = ", ".join(fact.view.name for fact in acting)
                raise Unwired(f"{names} all act as {kind}: nn.RNN has {most} for a layer and direction")
        return kept, buffers

    def _missing(self, pieces: Sequence[Piece]) -> list[str]:
        have = set()
        for piece in pieces:
            kinds = {"weight": ("weight_ih", "weight_hh"), "bias": ("bias_ih", "bias_hh")}.get(
                piece.kind, (piece.kind,)
            )
            have |= {f"{kind}_{piece.suffix}" for kind in kinds}
            if piece.kind.startswith("bias"):
                have |= {f"bias_{end}_{piece.suffix}" for end in ("ih", "hh")}
        return [name for name in _expected(self.case, self.sizes) if name not in have]

    def _pair_biases(self, facts: list[Fact]) -> None:
        """Of two biases of a layer and direction one is b_ih, the other b_hh: which is which is the same function."""
        groups: dict[tuple[int, bool], list[Fact]] = defaultdict(list)
        for fact in facts:
            if (fact.kind or "").startswith("bias"):
                groups[fact.layer or 0, bool(fact.reverse)].append(fact)
        for group in groups.values():
            if len(group) == 2:
                swapped = group[0].claim == "bias_hh" or group[1].claim == "bias_ih"
                group[0].kind, group[1].kind = ("bias_hh", "bias_ih") if swapped else ("bias_ih", "bias_hh")
            elif len(group) == 1:
                group[0].kind = "bias"

    def _beyond(self, kept: Sequence[Fact], buffers: Sequence[str]) -> tuple[str, ...]:
        """The tensors without effect whose names differ from a weight's in a number: of layers nobody asked for."""
        stems = {re.sub(r"\d+", "#", fact.view.name) for fact in kept if re.search(r"\d", fact.view.name)}
        parameters = {name for one in self.experiments.held if one.parameter for name in one.names}
        return tuple(name for name in buffers if re.sub(r"\d+", "#", name) in stems and name in parameters)

    # -- orientation ---------------------------------------------------------------------------------------------------

    def _orient(self, facts: list[Fact]) -> None:
        """How each matrix lies: by its shape; a square one by the unit that one element of it moves."""
        s = self.sizes
        for fact in facts:
            shape = tuple(size for size in fact.view.shape if size > 1)
            if fact.kind == "readout" or len(shape) != 2 or not fact.kind or fact.kind.startswith("bias"):
                continue
            if shape[0] != shape[1]:
                fact.transposed = shape[0] != s.H
                if isinstance(fact.view.index, slice):
                    fact.transposed = self._behaves_transposed(fact) or False
                if fact.kind == "weight":
                    fact.state_first = self._state_first(fact)
                elif fact.view.held.linear:
                    fact.transposed = False
                continue
            if fact.view.held.linear or any(EXACT.search(name) for name in fact.view.held.names):
                continue
            turned = self._behaves_transposed(fact)
            fact.transposed = bool(turned)
        told = [fact for fact in facts if fact.kind == "weight_ih" and not fact.view.held.linear
                and len(set(_big(fact.view.shape))) == 2 and not isinstance(fact.view.index, slice)]  # fmt: skip
        if told:
            for fact in facts:
                square = fact.kind in ("weight_hh", "weight_ih") and len(set(_big(fact.view.shape))) == 1
                named = any(EXACT.search(name) for name in fact.view.held.names)
                if square and not named and not fact.view.held.linear and len(_big(fact.view.shape)) == 2:
                    self.turned = self.turned or (fact.transposed != told[0].transposed and fact.effective)

    def _behaves_transposed(self, fact: Fact) -> bool | None:
        s = self.sizes
        row = (fact.layer or 0) * s.directions + bool(fact.reverse)
        alone = f"h{row}" if fact.kind == "weight_hh" and self.experiments.takes_state else "x"
        if fact.kind == "weight_hh" and not self.experiments.takes_state:
            alone = "all"
        for when in dict.fromkeys((alone, "all")):
            units = self.experiments.unit_moved(fact.view, when, (0, 1), row, int(bool(fact.reverse)))
            if len(units) == 1:
                return units == {1}
            if when == "all" and units:
                return self._first_unit(fact, row) == 1
        return None

    def _first_unit(self, fact: Fact, row: int) -> int | None:
        """The unit that moves first, where the change then spreads to the others."""
        del row
        for steps in (2,):
            x = self.experiments._given["all"][0][:steps]
            self.experiments._given[f"all{steps}"] = x, None
            units = self.experiments.unit_moved(fact.view, f"all{steps}", (0, 1), None, int(bool(fact.reverse)))
            if len(units) == 1:
                return units.pop()
        return None

    def _state_first(self, fact: Fact) -> bool:
        """Whether the columns of h come before those of x in a joined matrix."""
        s = self.sizes
        shape = fact.view.shape
        turned = fact.transposed
        features = max(_big(shape)) - s.H
        change = torch.zeros(fact.view.shape, dtype=torch.float64)
        matrix = change.view(_big(shape))
        (matrix.T if turned else matrix)[:, : min(features, s.H)] = 0.5
        row = (fact.layer or 0) * s.directions + bool(fact.reverse)
        if (fact.layer or 0) == 0:
            return not self.experiments.effect(fact.view, "x", change).any
        effect = self.experiments.effect(fact.view, "x", change)
        return not (effect.any or row in effect.rows)


def _claim(held: Held) -> Any:
    """What the name of a tensor says of it: nn.RNN's own name first, then one that says a kind."""
    return slot(_best_name(held))


def _best_name(held: Held) -> str:
    names = held.names
    exact = next((name for name in names if EXACT.search(name)), None)
    return exact or next((name for name in names if slot(name).kind), names[0])


def _numbers(view: View) -> list[int]:
    name = _best_name(view.held).lower()
    numbers = [
        int(number)
        for number in re.findall(r"(?<![a-z])\d+|(?<=_)\d+|(?<=[a-z])\d+(?=$|\.)", re.sub(r"[a-z]2[a-z]", "", name))
    ]
    return [*numbers, view.index] if isinstance(view.index, int) else numbers


def _other_bias(fact: Fact, acting: Fact) -> bool:
    """Whether the name of a silent bias claims a bias beside the one that acts."""
    if fact.view.held.linear or isinstance(fact.view.index, slice):
        return True
    if fact.view.held.parameter and (fact.claim or "").startswith("bias"):
        return True
    kinds = {fact.claim, acting.claim}
    return (
        {"bias_ih", "bias_hh"} <= kinds
        or (None not in kinds and len(kinds) > 1)
        or fact.claim in ("bias_ih", "bias_hh")
    )


def _big(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(size for size in shape if size > 1)


def _tuple(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _shown(index: Any) -> str:
    return f"{index.start}:{index.stop}" if isinstance(index, slice) else str(index)
