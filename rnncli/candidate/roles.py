"""Which weight each tensor of an object is: names first, then experiments on the object alone."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch

from rnncli.candidate.convention import Reading
from rnncli.candidate.experiments import NOTHING, Effect, Experiments, View
from rnncli.candidate.flat import parts_of_flat
from rnncli.candidate.gate_rows import divide
from rnncli.candidate.gates import UntoldGates, tell_gates
from rnncli.candidate.name_claims import Claims
from rnncli.candidate.names import EXACT, TORCHS, gates_among, without_numbers
from rnncli.candidate.places import Held, big, held_by
from rnncli.candidate.trial import Trial
from rnncli.candidate.weights import KINDS, Weight, without_places
from rnncli.candidate.wiring import Piece, Unwired, Wiring
from rnncli.core.case import altered

_TORCH_NAME = re.compile(r"(^|[._])((weight|bias)_[ih][hr])(_l\d+\w*)?$")
_STATE = re.compile(r"(h|h0|h_0|hidden|hidden_state|state|init_h\w*|initial_\w*|h_init|prev_h|h_prev)")
_OF_HEAD = "moves what is returned and no state"
_LETTER = re.compile(r"(^|\.)[a-zA-Z]\d?(\.\d+)?(\.weight)?$")  # U multiplies x in one book, and h in another
_NOT_A_WEIGHT = re.compile(
    r"(^|[._])(d|grad|grads|delta|acc|mem|m|v|vel|momentum|cache|last|prev)_?(?=[A-Z_wbWB])|grad"
)


def wired(trial: Trial, reading: Reading | None, named: bool = True) -> Wiring:
    """Find the place of every parameter of nn.RNN in an object. Raises Unwired.

    `reading` None: by names and shapes alone, of an object whose calls raise.
    """
    exact = _by_exact_names(held_by(trial.made(torch.float64)), trial) if named else None
    return exact or _Roles(Experiments(trial, reading)).wiring()


def _by_exact_names(held: list[Held], trial: Trial) -> Wiring | None:
    """Return the wiring of an object whose tensors have nn.RNN's own names, all of them."""
    found: dict[str, tuple[str, Held]] = {}
    for one in held:
        for name in one.names:
            if match := EXACT.search(name):
                found.setdefault(match[0], (name, one))
    if not set(trial.params) <= set(found) or len({id(found[name][1]) for name in trial.params}) < len(trial.params):
        return None  # or one tensor under two of the names
    names, recurrent = list(trial.params), [name for name in trial.params if name.startswith("weight_hh")]
    if not trial.case.rnn.bias:  # zeros
        biases = [name.replace("weight_hh", kind) for name in recurrent for kind in KINDS[2:]]
        names += [name for name in biases if name in found]
    weights = [replace(Weight.named(name, evidence="its name"), cell=trial.case.cell) for name in names]
    pieces = [Piece(found[name][0], None, weight) for name, weight in zip(names, weights, strict=True)]
    return Wiring(tuple(pieces), dict(found[name] for name in names))


class _Roles:
    """The views of an object's tensors, what is told of each, and the wiring that follows."""

    def __init__(self, experiments: Experiments) -> None:
        self.experiments, self.sizes, self.cell = experiments, experiments.sizes, experiments.trial.case.cell

    def wiring(self) -> Wiring:
        views = [view for one in self.experiments.held if not one.scales for view in self._views(one)]
        if self.sizes.gates > 1:
            divide(views, self.sizes, self.cell)
        self.of_gates = gates_among([view.tensor for view in views], self.cell)
        layer_of = {view: view.owner if view.held.linear else view.name for view in views}
        reading_x = {layer_of[view] for view in views if self._reads_x(view)}
        for view in views:
            self._tell(view, layer_of[view] not in reading_x)
        self._tell_as_other_gates(views)
        if self.sizes.directions == 1 and any(view.moves_states for view in views):
            self._tell_heads([view for view in views if view.effective and not view.moves_states and not view.exact])
        weights = [view for view in views if view.kind and view.kind != "readout"]
        Claims(self.sizes).settle(weights)
        if self.sizes.gates > 1:
            try:
                tell_gates(self.experiments, [view for view in weights if view.kind != "weight_hr"], self.cell)
            except UntoldGates as error:
                raise Unwired(str(error)) from error
        kept, buffers = self._chosen(views)
        if not kept:
            has = ", ".join(f"{one.name} {one.shape}" for one in self.experiments.held[:6]) or "none"
            raise Unwired(f"none of its tensors acts as a weight (it has {has})")
        turned, pieces = self._orient(kept), [view.piece for view in kept]
        missing = tuple(without_places(self.experiments.trial.params, [piece.weight for piece in pieces], self.cell))
        layers = [view.name for view in kept if view.kind != "readout" and re.search(r"\d", view.name)]
        stems = set(map(without_numbers, layers))
        parameters = {name for one in self.experiments.held if one.parameter for name in one.names}
        beyond = [name for name in buffers if without_numbers(name) in stems and name in parameters]
        tensors = {view.tensor: view.held for view in kept}
        assumed = any(view.assumed for view in kept)
        return Wiring(tuple(pieces), tensors, missing, tuple(buffers), (), tuple(beyond), turned, assumed)

    # -- views ---------------------------------------------------------------------------------------------------------

    def _views(self, one: Held) -> list[View]:
        s, shape, sizes = self.sizes, one.shape, big(one.shape)
        several = len(shape) > 1 and 1 < shape[0] in (s.layers, s.directions, s.rows)
        matrices = len(shape) == 3 and (len(sizes) == 3 or sizes[1:] == (s.H,))
        vectors = len(shape) == 2 and shape[1] == s.H != shape[0]
        if len(shape) == 1 and shape[0] >= s.C * (s.I + s.H) and not one.linear:
            return parts_of_flat(self.experiments, one)
        if shape == (1 + s.I + s.H, s.gates * s.C) and not one.linear:
            return self._with_a_row_for_the_bias(one)
        both_biases = 2 * s.gates * s.C
        in_two = (sizes == (both_biases,) and (s.gates > 1 or s.rows == 1)) or shape == (2, s.gates, s.C)
        if in_two or shape == (s.directions, both_biases):
            half = s.gates * s.C  # b_ih and b_hh, of each direction
            return [View(one, slice(start, start + half), (half,)) for start in range(0, math.prod(shape), half)]
        between = len(shape) == 3 and shape[1] == s.gates > 1  # an axis of gates, (H_in, 4, H) or (H, 4, H_in)
        if between and s.C in (outer := {shape[0], shape[2]}) and outer <= {s.I, s.H, s.wide, s.C}:
            return [View(one, (slice(None), gate), (shape[0], shape[2])) for gate in range(s.gates)]
        if s.gates > 1:
            several = len(shape) > 1 and shape[0] in {s.layers, s.directions, s.rows, s.gates, 2} - {1}
            matrices, vectors = len(shape) == 3, len(shape) == 2 and shape[1] % s.C == 0 and shape[0] % s.C != 0
        if several and (matrices or vectors):
            return [View(one, index, shape[1:]) for index in range(shape[0])]
        return [View(one, None, shape)]

    def _with_a_row_for_the_bias(self, one: Held) -> list[View]:
        """Return the row that a 1 before or after x and h multiplies, and the rest of a joined matrix."""
        rows, columns = one.shape
        first = View(one, slice(0, 1), (1, columns))
        if self.experiments.effect(first, "0").any:
            return [first, View(one, slice(1, rows), (rows - 1, columns))]
        return [View(one, slice(0, rows - 1), (rows - 1, columns)), View(one, slice(rows - 1, rows), (1, columns))]

    def _tell_as_other_gates(self, views: list[View]) -> None:
        """Take a tensor without effect for what those of the other gates are, beside which its name stands."""
        stems = {view: self.of_gates[view.tensor][0] for view in views if view.tensor in self.of_gates}
        for view in [view for view in stems if not (view.kind or view.effective)]:
            others = {one.kind for one in stems if stems[one] == stems[view] and one.big == view.big} - {None}
            if len(others) == 1:
                view.kind, view.evidence = others.pop(), "its name; it has no effect"

    def _tell_heads(self, views: list[View]) -> None:
        """Take matrices that move no state for heads, whatever their names, where others move it; and their biases."""
        matrices = [view for view in views if len(view.big) == 2 and view.claim.kind in ("weight", None)]
        biases = [view for view in views if len(view.big) == 1 and view.claim.is_bias]
        for view in [*matrices, *biases] if matrices else []:
            view.kind, view.evidence = "readout", _OF_HEAD

    # -- what experiments say ------------------------------------------------------------------------------------------

    def _reads_x(self, view: View) -> bool:
        """Return whether a matrix is made for the input, or for input and h: no head is, nor the bias beside it."""
        s = self.sizes
        return len(view.big) == 2 and s.wide != s.I and bool({s.I, s.I + s.H} & set(view.big))

    def _tell(self, view: View, may_be_head: bool) -> None:
        s, rows = self.sizes, [f"h{row}" for row in range(self.sizes.rows)]
        effects = {when: self.experiments.effect(view, when) for when in ["0", "x", *rows, "all", "late"]}
        view.effective = self.experiments.reading is None or any(effect.any for effect in effects.values())
        view.moves_states = bool(effects["all"].rows and self.experiments.returns_states)
        last = view.held.name.rpartition(".")[2].lower()
        named_as_state = _STATE.fullmatch(last) and view.tensor not in self.of_gates  # `W["h"]` beside `W["z"]`
        from_x = effects["x"].any or self.experiments.reading is None  # not one that multiplies h, which is zero there
        of_head = view.claim.kind == "readout" and view.effective and from_x and not view.moves_states
        if s.O in view.big or (of_head and may_be_head):
            view.kind, view.evidence = "readout", _OF_HEAD
        elif len(view.big) <= 1 and not named_as_state:
            self._of_vector(view, effects)
        elif len(view.big) > 1 and (not named_as_state or view.big == (s.H, s.H)):  # then it multiplies h
            self._of_matrix(view, effects)

    def _of_vector(self, view: View, effects: Mapping[str, Effect]) -> None:
        s, torchs, named = self.sizes, _TORCH_NAME.search(view.tensor), view.claim.is_bias or view.held.linear
        if torchs and torchs[2].startswith("weight"):
            view.kind, view.evidence = torchs[2], "its name"
        elif view.big not in ((), (s.C,)) or (view.big == () and s.gates > 1 and s.C > 1):  # a number has no gates
            return
        elif effects["0"].any:
            view.kind, view.evidence = "bias", "acts where x = 0 and h = 0"
            self._locate(view, effects["0"])
        elif named or (torchs and self.experiments.reading is None) or (s.gates > 1 and view.effective):
            view.kind, view.evidence = "bias", "its name" if named else "acts as a bias"
            view.evidence += "" if view.effective else "; it has no effect"
            self._locate(view, effects["all"])

    def _of_matrix(self, view: View, effects: Mapping[str, Effect]) -> None:
        s = self.sizes
        view.kind = self._matrix_kind(view, effects)
        rows = [row for row in range(s.rows) if effects[f"h{row}"].any]
        both_ways = s.directions == 2 and s.layers == 1
        if not view.effective:
            view.evidence = "its name; it has no effect"
        elif view.kind == "weight_hh":
            view.evidence = "no effect where h = 0"
            if self.experiments.takes_states and self.experiments.returns_states:
                view.evidence = view.evidence if effects["all"].rows or rows else "its shape"
            if effects["all"].rows:
                self._locate(view, effects["all"])
            elif len(rows) == 1:
                view.layer, view.reverse = rows[0] // s.directions, rows[0] % s.directions == 1
            elif rows and rows[0] // s.directions < rows[-1] // s.directions:
                view.layer = rows[0] // s.directions  # shared by the layers above
            elif not rows:
                self._locate(view, effects["all"] if s.rows == 1 else NOTHING)
                view.reverse = effects["late"].first if both_ways else view.reverse
        elif view.kind == "weight_hr":
            view.evidence = "its shape"
            self._locate(view, effects["x"])
        elif view.kind in ("weight_ih", "weight"):
            view.evidence = "no effect where x = 0" if not rows else "acts on the output of the layer below"
            view.evidence = "acts on x and on h" if view.kind == "weight" and s.gates > 1 else view.evidence
            self._locate(view, effects["x" if effects["x"].any or s.gates == 1 else "all"])  # r needs h to act
            unseen = not effects["x"].rows and len(effects["x"].halves) != 2
            if both_ways and view.reverse is None and unseen:
                view.reverse = effects["late"].first

    def _kind_by_construction(self, view: View) -> str | None:
        """Return what a matrix is constructed for, where another number of features gives another shape or the same.

        Of use for a candidate that runs with equal sizes alone: one that takes one matrix for the other.
        """
        if view.held.name not in self._with_other_features or view.index is not None:
            return None
        other = self._with_other_features[view.held.name]
        changed = sum(one != size for one, size in zip(other, view.shape, strict=True))
        if changed == len(view.shape):
            return None  # one size for x and h
        return "weight_ih" if changed else "weight_hh" if self.sizes.rows == 1 else None

    @cached_property
    def _with_other_features(self) -> dict[str, tuple[int, ...]]:
        """The shapes of an object that is constructed for another number of features, by name."""
        trial, features = self.experiments.trial, self.sizes.I + 1
        if trial.native.fixed or "input_size" in trial.native.own_sizes:
            return {}
        other = replace(trial, case=altered(trial.case, rnn={"input_size": features}))
        return {one.name: one.shape for one in held_by(other.made(torch.float64))}

    def _matrix_kind(self, view: View, effects: Mapping[str, Effect]) -> str | None:
        s, sizes, claim = self.sizes, view.big, view.claim.kind
        if len(sizes) != 2 or s.C not in sizes:
            return None
        if s.H != s.C and view.blocks == 1 and set(sizes) == {s.H, s.C} and claim not in ("weight_ih", "weight_hh"):
            return "weight_hr"
        other = sizes[0] if sizes[1] == s.C else sizes[1]
        features = {s.I, s.wide} if s.layers > 1 else {s.I}
        joined = other - s.H in features
        possible = {"weight_ih"} if other in features else set()
        possible |= {"weight_hh"} if other == s.H else set()
        possible |= {"weight"} if joined else set()
        if s.wide == s.I and not joined and (constructed := self._kind_by_construction(view)):
            return constructed
        of_input = "weight" if joined else "weight_ih"
        by_effect = of_input if effects["x"].any else "weight_hh" if effects["all"].any else None
        if s.gates > 1 and by_effect == "weight_hh" and self.experiments.takes_states:
            acts_on_h = any(effects[f"h{row}"].any for row in range(s.rows))
            by_effect = by_effect if acts_on_h else of_input  # of r, which has no effect where h = 0
        if self.experiments.trial.native.lies_as_told and claim in possible and TORCHS.search(view.of_all_layers):
            return claim  # an argument, and no parameter of its own
        if s.gates > 1 and by_effect in possible and self.experiments.takes_states:
            return by_effect
        torchs = _TORCH_NAME.search(view.tensor)
        if torchs and torchs[2].startswith("weight") and not joined:
            return torchs[2]
        if not possible and by_effect and not torchs:
            raise Unwired(f"{view.name} {view.shape} acts, and no weight of {self.cell.layer} has that shape")
        if not possible:
            return claim if claim in ("weight_ih", "weight_hh") else by_effect
        if claim in possible and not (by_effect in possible and _LETTER.search(view.tensor)):
            return claim
        if len(possible) == 1:
            return possible.pop() if by_effect or claim else None
        return by_effect if by_effect in possible else None

    def _locate(self, view: View, effect: Effect) -> None:
        """Tell the layer and the direction by the lowest row of h_n that moves, or by the half of output."""
        s, inside = self.sizes, effect.halves if self.sizes.layers == 1 else frozenset()
        if effect.rows:
            view.layer = min(effect.rows) // s.directions
            inside = frozenset(row % s.directions for row in effect.rows if row // s.directions == view.layer)
        if effect.rows or s.layers == 1:
            view.reverse = inside == {1} if len(inside) == 1 else None
        view.reverse = False if s.directions == 1 else view.reverse
        view.layer = 0 if s.layers == 1 else view.layer

    # -- choice --------------------------------------------------------------------------------------------------------

    def _chosen(self, views: list[View]) -> tuple[list[View], list[str]]:
        """Return the views that are weights, of two with the same claim the one that acts, and the buffers.

        One of two biases of a layer and direction is b_ih, the other b_hh: which is which is the same function.
        """
        kept = [view for view in views if view.kind == "readout"]
        buffers = [view.name for view in views
                   if view.kind is None and not view.effective and self.sizes.H in view.shape]  # fmt: skip
        groups: dict[Any, list[View]] = defaultdict(list)
        for view in views:
            if view.kind not in (None, "readout"):
                groups[view.kind, view.place, view.gates].append(view)
        for (kind, _, _), group in groups.items():
            acting, most = [view for view in group if view.effective], 2 if kind == "bias" else 1
            if len(acting) > most:
                names = ", ".join(view.name for view in acting)
                raise Unwired(f"{names} all act as {kind}: {self.cell.layer} has {most} for a layer and direction")
            silent = [view for view in group if not view.effective]
            whole = [view for view in silent if kind == "weight_hr" or view.gates or view.blocks == self.sizes.gates]
            claimed = [view for view in whole if _claims_a_weight(view, acting)][: most - len(acting)]
            chosen = [*acting, *claimed]
            if kind == "bias" and len(chosen) == 2:
                claims: list[str | None] = [view.claim.kind for view in chosen]
                if set(claims) != {"bias_ih", "bias_hh"}:  # where names do not say it, the last gate of a GRU does
                    claims = [view.torchs_bias or view.claim.kind for view in chosen]
                swapped = claims[0] == "bias_hh" or claims[1] == "bias_ih"
                chosen[swapped].kind, chosen[not swapped].kind = "bias_ih", "bias_hh"
            kept += chosen
            buffers += [view.name for view in silent if view not in claimed]
        return kept, buffers

    # -- orientation ---------------------------------------------------------------------------------------------------

    def _orient(self, views: list[View]) -> bool:
        """Tell how each matrix lies: by its shape; a square one by the unit that one element of it moves.

        Return whether a square one lies the other way than its neighbour that is not.
        """
        matrices = [view for view in views if len(view.big) == 2 and str(view.kind).startswith("weight")]
        told = self.experiments.trial.native.lies_as_told
        free = [view for view in matrices if not view.held.linear and not told]
        of_shape = [view for view in free
                    if (len(set(view.big)) == 2 or view.blocks > 1) and not isinstance(view.index, slice)]  # fmt: skip
        for view in matrices:
            if (view.kind == "weight" and not told) or view in of_shape:
                view.transposed = view.axis == 1 if view.blocks > 1 else view.big[0] != self._rows_of(view)
            elif view in free and not view.exact:
                view.transposed = self._behaves_transposed(view)
            view.state_first = view.kind == "weight" and self._state_first(view)
        self._lie_as_most([view for view in free if len(set(view.big)) == 1 and view.blocks == 1 < self.sizes.gates])
        of_input = [view.transposed for view in of_shape if view.kind == "weight_ih"]
        squares = [view for view in free if view.kind != "weight" and view not in of_shape and len(set(view.big)) == 1]
        turned = (view.transposed != of_input[0] for view in squares if of_input and view.effective and not view.exact)
        return any(turned)

    def _lie_as_most(self, squares: list[View]) -> None:
        """Let the square matrices of single gates lie as most of their kind do: one that behaves otherwise is wrong."""
        groups: dict[Any, list[View]] = defaultdict(list)
        for view in squares:
            groups[view.kind, view.place].append(view)
        for group in groups.values():
            turned = sum(view.transposed for view in group)
            for view in group if 2 * turned != len(group) else ():
                view.transposed = 2 * turned > len(group)

    def _rows_of(self, view: View) -> int:
        return self.sizes.H if view.kind == "weight_hr" else self.sizes.C

    def _behaves_transposed(self, view: View) -> bool:
        (layer, reverse), states = view.place, self.experiments.takes_states
        row = layer * self.sizes.directions + reverse
        alone = "x" if view.kind != "weight_hh" else f"h{row}" if states else "all"
        for when in dict.fromkeys((alone, "all")):
            units = self.experiments.units(view, when, (0, 1), row, int(reverse))
            if len(units) == 1:
                return units == {1}
        # where the change spreads to other units: the one that moves first
        return bool(units) and self.experiments.units(view, "two", (0, 1), None, int(reverse)) == {1}

    def _state_first(self, view: View) -> bool:
        """Return whether the columns of h come before those of x in a joined matrix."""
        s, change = self.sizes, torch.zeros(view.shape, dtype=torch.float64)
        matrix = change.view(big(view.shape))
        columns = view.big[0 if view.transposed else 1]
        (matrix.T if view.transposed else matrix)[:, : min(columns - s.H, s.H)] = 0.5
        if (reads_x := self.experiments.effect(view, "x", change).any) or s.gates == 1:
            return not reads_x
        row = view.place[0] * s.directions + view.place[1]  # f has no effect where c = 0, r none where h = 0
        when = f"h{row}" if self.experiments.takes_states else "early"
        return self.experiments.effect(view, when, change).any


def _claims_a_weight(view: View, acting: list[View]) -> bool:
    """Return whether a tensor without effect is named as a weight; as another bias, where one acts."""
    claim, held, part = view.claim.kind or "", view.held, isinstance(view.index, slice)
    if not (claim or part) or _NOT_A_WEIGHT.search(view.tensor):
        return False
    if view.kind != "bias" or len(acting) != 1 or held.linear or part:
        return True
    other = acting[0].claim.kind
    named = claim in ("bias_ih", "bias_hh") or (held.parameter and claim.startswith("bias"))
    return named or bool(claim and other and claim != other)
