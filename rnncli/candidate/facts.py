"""What names and experiments say of each tensor of an object: which weight it is, of which layer and direction."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from rnncli.candidate.experiments import NOTHING, Effect, Experiments, View, big
from rnncli.candidate.places import Held
from rnncli.candidate.weights import Weight
from rnncli.candidate.wiring import Piece

MOST_ELEMENTS = 600  # of a flat buffer that is looked at element by element
_TORCH_NAME = re.compile(r"(^|[._])((weight|bias)_[ih]h)(_l\d+\w*)?$")
_STATE = re.compile(r"(h|h0|h_0|hidden|hidden_state|state|init_h\w*|initial_\w*|h_init|prev_h|h_prev)")


class Unwired(Exception):
    """A weight of nn.RNN whose place cannot be told."""


@dataclass(eq=False)
class Fact:
    """What names and experiments say of a view. `effective`: it moves something."""

    view: View
    kind: str | None = None
    layer: int | None = None
    reverse: bool | None = None
    effective: bool = True
    transposed: bool = False
    state_first: bool = False
    evidence: str = ""

    @property
    def place(self) -> tuple[int, bool]:
        """Return the layer and the direction; the first where nothing tells."""
        return self.layer or 0, bool(self.reverse)

    @property
    def is_bias(self) -> bool:
        """Return whether it is a bias."""
        return (self.kind or "").startswith("bias")

    @property
    def piece(self) -> Piece:
        """Return the view as a piece of a wiring."""
        vector, lies = len(self.view.big) != 2, (self.transposed, self.state_first)
        weight = Weight(self.kind or "", *self.place, *lies, vector=vector, evidence=self.evidence)
        return Piece(self.view.tensor, self.view.index, weight)


class Facts:
    """The facts of every view of an object."""

    def __init__(self, experiments: Experiments) -> None:
        self.experiments, self.sizes = experiments, experiments.sizes

    def all(self) -> list[Fact]:
        """Return the fact of each tensor, or of each part of one that holds several weights. Raises Unwired."""
        return [self._fact(view) for view in self._views()]

    def _views(self) -> list[View]:
        s, views = self.sizes, []
        for one in self.experiments.held:
            shape, sizes = one.shape, big(one.shape)
            several = len(shape) > 1 and 1 < shape[0] in (s.layers, s.directions, s.rows)
            matrices = len(shape) == 3 and (len(sizes) == 3 or sizes[1:] == (s.H,))
            vectors = len(shape) == 2 and shape[1] == s.H != shape[0]
            if len(shape) == 1 and shape[0] >= s.H * (s.I + s.H) and not one.linear:
                views += self._segments(one)
            elif several and (matrices or vectors):
                views += [View(one, index, shape[1:]) for index in range(shape[0])]
            else:
                views.append(View(one, None, shape))
        return views

    def _segments(self, one: Held) -> list[View]:
        """Return the parts of a flat buffer, by what its elements do."""
        s, told = self.sizes, f"{one.name} {one.shape}"
        if one.shape[0] > MOST_ELEMENTS or s.rows > 1:
            raise Unwired(f"{told} holds many weights at once, of several layers or directions")
        text = "".join(self._letter(View(one, slice(index, index + 1), (1,))) for index in range(one.shape[0]))
        silent = len(text) - len(text.rstrip("-"))
        if silent in (s.H, 2 * s.H):  # biases without effect stand last
            text = text[:-silent] + "b" * silent
        shapes: dict[str, tuple[int, ...]] = {"x": (s.H, s.I), "h": (s.H, s.H), "b": (s.H,)}
        views, start = [], 0
        while start < len(text):
            shape = shapes.get(text[start], ())
            end = start + math.prod(shape)
            if not shape or text[start:end] != text[start] * (end - start):
                raise Unwired(f"{told}: element {start} belongs to no whole weight")
            views.append(View(one, slice(start, end), shape))
            start = end
        return views

    def _letter(self, element: View) -> str:
        acts = {when: self.experiments.effect(element, when).any for when in ("0", "x", "h0")}
        return "b" if acts["0"] else "x" if acts["x"] else "h" if acts["h0"] else "-"

    def _fact(self, view: View) -> Fact:
        s, rows = self.sizes, [f"h{row}" for row in range(self.sizes.rows)]
        effects = {when: self.experiments.effect(view, when) for when in ["0", "x", *rows, "all", "late"]}
        effective = self.experiments.run is None or any(effect.any for effect in effects.values())
        fact, sizes = Fact(view, effective=effective), view.big
        moves_states = effects["all"].rows and self.experiments.returns_states
        if s.O in sizes or (view.claim.kind == "readout" and effective and not moves_states):
            fact.kind, fact.evidence = "readout", "moves what is returned and no state"
        elif _STATE.fullmatch(view.held.name.rpartition(".")[2].lower()) and sizes != (s.H, s.H):
            fact.kind = None  # a matrix by that name multiplies h
        elif len(sizes) <= 1:
            self._of_vector(fact, effects)
        else:
            self._of_matrix(fact, effects)
        return fact

    def _of_vector(self, fact: Fact, effects: Mapping[str, Effect]) -> None:
        view, torchs = fact.view, _TORCH_NAME.search(fact.view.tensor)
        named = (view.claim.kind or "").startswith("bias") or view.held.linear
        if torchs and torchs[2].startswith("weight"):
            fact.kind, fact.evidence = torchs[2], "its name"
        elif view.big and view.big[0] != self.sizes.H:
            fact.kind = None
        elif effects["0"].any:
            fact.kind, fact.evidence = "bias", "acts where x = 0 and h = 0"
            self._locate(fact, effects["0"])
        elif named or (torchs and self.experiments.run is None):
            fact.kind, fact.evidence = "bias", "its name" if fact.effective else "its name; it has no effect"
            self._locate(fact, effects["all"])

    def _of_matrix(self, fact: Fact, effects: Mapping[str, Effect]) -> None:
        s = self.sizes
        fact.kind = self._matrix_kind(fact.view, effects)
        rows = [row for row in range(s.rows) if effects[f"h{row}"].any]
        both_ways = s.directions == 2 and s.layers == 1
        if not fact.effective:
            fact.evidence = "its name; it has no effect"
        elif fact.kind == "weight_hh":
            feeds_back = effects["all"].rows or not self.experiments.returns_states
            unseen = not feeds_back and not rows and self.experiments.takes_state
            fact.evidence = "its shape" if unseen else "no effect where h = 0"
            if len(rows) == 1:
                fact.layer, fact.reverse = rows[0] // s.directions, rows[0] % s.directions == 1
            elif not rows:
                self._locate(fact, effects["all"] if s.rows == 1 else NOTHING)
                fact.reverse = effects["late"].first if both_ways else fact.reverse
        elif fact.kind in ("weight_ih", "weight"):
            fact.evidence = "no effect where x = 0" if not rows else "acts on the output of the layer below"
            self._locate(fact, effects["x"])
            unseen = not effects["x"].rows and len(effects["x"].halves) != 2
            if both_ways and fact.reverse is None and unseen:
                fact.reverse = effects["late"].first

    def _matrix_kind(self, view: View, effects: Mapping[str, Effect]) -> str | None:
        s, sizes, claim = self.sizes, view.big, view.claim.kind
        if len(sizes) != 2 or s.H not in sizes:
            return None
        other = sizes[0] if sizes[1] == s.H else sizes[1]
        features = {s.features(layer) for layer in range(s.layers)}
        joined = other - s.H in features
        possible = {"weight_ih"} if other in features else set()
        possible |= {"weight_hh"} if other == s.H else set()
        possible |= {"weight"} if joined else set()
        of_input = "weight" if joined else "weight_ih"
        by_effect = of_input if effects["x"].any else "weight_hh" if effects["all"].any else None
        torchs = _TORCH_NAME.search(view.tensor)
        if torchs and torchs[2].startswith("weight") and not joined:
            return torchs[2]
        if not possible and by_effect and not torchs:
            raise Unwired(f"{view.name} {view.shape} acts, and no weight of nn.RNN has that shape")
        if not possible:
            return claim if claim in ("weight_ih", "weight_hh") else by_effect
        if claim in possible:
            return claim
        if len(possible) == 1:
            return possible.pop() if by_effect or claim else None
        return by_effect if by_effect in possible else None

    def _locate(self, fact: Fact, effect: Effect) -> None:
        """Tell the layer and the direction by the lowest row of h_n that moves, or by the half of output."""
        s, inside = self.sizes, effect.halves if self.sizes.layers == 1 else frozenset()
        if effect.rows:
            fact.layer = min(effect.rows) // s.directions
            inside = frozenset(row % s.directions for row in effect.rows if row // s.directions == fact.layer)
        if effect.rows or s.layers == 1:
            fact.reverse = inside == {1} if len(inside) == 1 else None
        fact.reverse = False if s.directions == 1 else fact.reverse
        fact.layer = 0 if s.layers == 1 else fact.layer
