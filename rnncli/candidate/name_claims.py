"""What names say of weights: layers and directions, and which matrix is which where experiments cannot tell."""

import re
from collections import Counter, defaultdict
from typing import Any

from rnncli.candidate.experiments import View
from rnncli.candidate.names import TORCHS
from rnncli.candidate.trial import Sizes

_LAYER_WORDS = re.compile(r"(_l|layers?[._]?|level[._]?)(\d+)", re.IGNORECASE)
_LETTERS = ({"f", "b"}, {"f_cell", "b_cell"}, {"f_rnn", "b_rnn"})  # of both directions


class Claims:
    """The claims that the names of weights make, at the sizes of a trial."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes

    def settle(self, weights: list[View]) -> None:
        """Give each weight its layer and direction, and its kind where experiments take two for the same one."""
        self._take_claimed_kinds([view for view in weights if view.kind in ("weight_ih", "weight_hh")])
        self._index(weights)
        self._settle_kinds(weights)
        if self.sizes.directions == 1 < self.sizes.layers:
            self._number_layers(weights)
        if self.sizes.rows > 1:
            self._number_alike(weights)

    def _number_layers(self, weights: list[View]) -> None:
        """Let numbers in names be those of layers, where every kind has all of them and their shapes allow it.

        A list whose cells are taken in another order is a mistake: its numbers are what a checkpoint goes by.
        """
        s, by_kind = self.sizes, defaultdict[str | None, list[int]](list)
        first = min((number for view in weights for number in view.numbers[-1:]), default=0)
        for view in weights:
            by_kind[view.kind] += [number - first for number in view.numbers[-1:]]
        every = [*range(s.layers)]
        if any(sorted(set(found)) != every or len(set(Counter(found).values())) > 1 for found in by_kind.values()):
            return
        told = [(view, view.numbers[-1] - first) for view in weights if view.numbers]
        of_input = [(view, layer) for view, layer in told if view.kind == "weight_ih"]
        fits = all((s.wide if layer else s.I) in view.big for view, layer in of_input)
        if len(told) < len(weights) or not of_input or not fits:
            return
        for view, layer in told:
            if view.layer != layer:
                view.layer, view.evidence = layer, "the number in its name"

    def _number_alike(self, weights: list[View]) -> None:
        """Let a number mean one layer and direction in all names, those of the input's matrix.

        W_h of another layer, or a state of another direction, is a mistake.
        """
        s, by_kind = self.sizes, defaultdict[str | None, dict[Any, list[View]]](lambda: defaultdict(list))
        for view in weights:
            numbers = view.numbers[-1:] if s.directions == 1 else view.numbers
            by_kind[view.kind][(*numbers, view.claim.reverse)].append(view)
        places = {number: {view.place for view in views} for number, views in by_kind["weight_ih"].items()}
        every = [(layer, reverse) for layer in range(s.layers) for reverse in (False, True)[: s.directions]]
        if sorted(map(sorted, places.values())) != [[place] for place in every]:
            return
        for numbered in by_kind.values():
            if set(numbered) == set(places) and len({len(views) for views in numbered.values()}) == 1:
                for number, views in numbered.items():
                    for view in [view for view in views if {view.place} != places[number]]:
                        ((view.layer, view.reverse),), view.evidence = places[number], "the number in its name"

    def _take_claimed_kinds(self, matrices: list[View]) -> None:
        """Let names decide where experiments take more matrices for one kind than there are, and names take as many.

        So they do in an upper layer that starts from the first layer's row of h_0: r of a GRU then acts on x as on h.
        """
        told, named, all_rows = Counter[str | None](), Counter[str | None](), self.sizes.gates * self.sizes.rows
        for view in matrices:
            told[view.kind] += view.blocks
            named[view.claim.kind] += view.blocks
        if max(told.values(), default=0) > all_rows and named == {"weight_ih": all_rows, "weight_hh": all_rows}:
            for view in matrices:
                view.kind, view.evidence = view.claim.kind, "its name"

    def _index(self, weights: list[View]) -> None:
        """Tell layers and directions by the words and numbers of names, where they are words, or nothing else told."""
        s = self.sizes
        lettered = {view.tensor.partition(".")[0].lower() for view in weights}
        matrices = [view for view in weights if len(view.big) > 1]  # the bias of W may be called bw
        words = any(view.claim.reverse for view in matrices or weights) or any(pair <= lettered for pair in _LETTERS)
        first = min((number for view in weights for number in view.numbers[-1:]), default=0)
        if words and s.layers > 1 and s.directions == 2 and self._told_by_names(weights, first):
            return
        owners = list(dict.fromkeys(view.owner for view in weights))
        kinds = {owner: {view.kind for view in weights if view.owner == owner} for owner in owners}
        alike = len(set(map(frozenset, kinds.values()))) == 1  # left and right, first and second, and no i2h and h2h
        each_its_own = len(owners) == s.rows > 1 and "" not in owners and alike
        for view in weights:
            numbers, name = view.numbers, view.tensor.lower()
            if not numbers and each_its_own:
                numbers, first = [owners.index(view.owner)], 0
            layer, reverse = self._by_number(numbers, first, words)
            if s.directions == 2 and words:
                view.reverse = view.claim.reverse or (name.startswith(("b_", "b.")) and "." in name)
            said = _LAYER_WORDS.search(name)
            if said and s.layers > 1 and int(said[2]) < s.layers:
                layer = int(said[2])
            view.layer = layer if view.layer is None else view.layer
            view.reverse = reverse if view.reverse is None else view.reverse
        self._settle_conflicts(weights, first, words)
        places = [(view.kind, view.place) for view in weights if view.kind in ("weight_ih", "weight_hh")]
        for view in weights if each_its_own and len(places) != len(set(places)) else ():
            view.layer, number = divmod(owners.index(view.owner), s.directions)
            view.reverse = number == 1

    def _told_by_names(self, weights: list[View], first: int) -> bool:
        """Give each weight the layer and direction of its name, where words and numbers tell those of all of them."""
        s, by_kind = self.sizes, defaultdict[str | None, list[tuple[int, bool]]](list)
        places = [(view.numbers[-1] - first if view.numbers else -1, view.claim.reverse) for view in weights]
        for view, place in zip(weights, places, strict=True):
            by_kind[view.kind].append(place)
            if view.kind == "weight_ih" and (s.wide if place[0] else s.I) not in view.big:
                return False
        every = {(layer, reverse) for layer in range(s.layers) for reverse in (False, True)}
        if any(set(found) != every or len(set(Counter(found).values())) > 1 for found in by_kind.values()):
            return False
        for view, place in zip(weights, places, strict=True):
            view.layer, view.reverse = place
        return True

    def _settle_conflicts(self, weights: list[View], first: int, words: bool) -> None:
        """Let numbers in names decide where experiments put several tensors in one place.

        So they do in code whose layers all start from one state, or that returns h_n in another order.
        """
        by_kind: dict[str | None, list[View]] = defaultdict(list)
        for view in weights:
            by_kind[view.kind] += [view] if view.effective else []
        for kind, group in by_kind.items():
            named = [self._by_number(view.numbers, first, words) for view in group]
            found, told, most = Counter[Any](), Counter[Any](), (2 if kind == "bias" else 1) * self.sizes.gates
            for view, place in zip(group, named, strict=True):
                found[view.place] += view.blocks
                told[place] += view.blocks
            if group and max(found.values()) > most >= max(told.values()):
                for view, (view.layer, view.reverse) in zip(group, named, strict=True):
                    view.evidence = "the number in its name"

    def _settle_kinds(self, weights: list[View]) -> None:
        """Let torch's own names decide where experiments take both matrices of a place for one weight.

        So they do where a layer does not start from its own row of h_0, and where something random is inside.
        """
        groups: dict[Any, list[View]] = defaultdict(list)
        for view in weights:
            if view.effective and view.kind in ("weight_ih", "weight_hh") and view.blocks == self.sizes.gates:
                groups[view.kind, view.place] += [view]
        for group in groups.values():
            named = all(TORCHS.search(view.of_all_layers) for view in group)
            for view in group if named and len(group) > 1 else ():
                view.kind, view.evidence = view.claim.kind, "its name"

    def _by_number(self, numbers: list[int], first: int, words: bool) -> tuple[int, bool]:
        s, number = self.sizes, numbers[-1] - first if numbers else 0
        if s.layers == 1:
            return 0, s.directions == 2 and not words and number == 1
        if s.directions == 1 or words:
            return min(max(number, 0), s.layers - 1), False
        if len(numbers) > 1:
            return min(numbers[-2], s.layers - 1), numbers[-1] == 1
        return min(number // 2, s.layers - 1), number % 2 == 1
