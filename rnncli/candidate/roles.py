"""Which weight each tensor of an object is: names first, then experiments on the object alone."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from rnncli.candidate.experiments import Experiments, Runner, Sizes, made_in_float64
from rnncli.candidate.facts import Fact, Facts, Unwired
from rnncli.candidate.names import EXACT
from rnncli.candidate.objects import Object
from rnncli.candidate.places import Held, held_by
from rnncli.candidate.weights import KINDS, Binding, Weight
from rnncli.candidate.wiring import Piece, Wiring
from rnncli.core.case import Case

_NOT_A_WEIGHT = re.compile(
    r"(^|[._])(d|grad|grads|delta|acc|mem|m|v|vel|momentum|cache|last|prev)_?(?=[A-Z_wbWB])|grad"
)
_LAYER_WORDS = re.compile(r"(_l|layers?[._]?|level[._]?)(\d+)", re.IGNORECASE)
_LETTERS = ({"f", "b"}, {"f_cell", "b_cell"}, {"f_rnn", "b_rnn"})  # of both directions


def wired(native: Object, case: Case, sizes: Sizes, run: Runner | None, binding: Binding, named: bool = True) -> Wiring:
    """Find the place of every parameter of nn.RNN in an object. Raises Unwired.

    `run` None: by names and shapes alone, of an object whose calls raise.
    """
    exact = _by_exact_names(held_by(made_in_float64(native, case, sizes)), case, sizes) if named else None
    return exact or _Roles(Experiments(native, case, sizes, run, binding), case).wiring()


def _expected(case: Case, sizes: Sizes) -> list[str]:
    suffixes = [f"l{layer}{end}" for layer in range(sizes.layers) for end in ("", "_reverse")[: sizes.directions]]
    return [f"{kind}_{suffix}" for suffix in suffixes for kind in KINDS[: 4 if case.rnn.bias else 2]]


def _by_exact_names(held: Sequence[Held], case: Case, sizes: Sizes) -> Wiring | None:
    """Return the wiring of an object whose tensors have nn.RNN's own names, all of them."""
    found: dict[str, tuple[Held, str, re.Match[str]]] = {}
    for one in held:
        for name in one.names:
            if match := EXACT.search(name):
                found.setdefault(match[0], (one, name, match))
    expected = _expected(case, sizes)
    if not set(expected) <= set(found):
        return None
    suffixes = {name.partition("_l")[2] for name in expected}
    expected += [name for name in found if name.startswith("bias") and name not in expected
                 and name.partition("_l")[2] in suffixes]  # fmt: skip  # zeros without bias
    if len({id(found[name][0]) for name in expected}) < len(expected):
        return None  # one tensor under two of the names
    tensors = {found[name][1]: found[name][0] for name in expected}
    pieces = []
    for _, name, match in (found[name] for name in expected):
        kind, layer, reverse = f"{match[1]}_{match[2]}", int(match[3]), match[4] is not None
        pieces.append(Piece(name, None, Weight(kind, layer, reverse, evidence="its name")))
    return Wiring(tuple(pieces), {name: one.shape for name, one in tensors.items()}, aliases=_aliases(tensors))


def _aliases(tensors: Mapping[str, Held]) -> dict[str, tuple[str, ...]]:
    return {known_as: tuple(name for name in one.names if name != known_as) for known_as, one in tensors.items()}


class _Roles:
    """The facts of every view of an object, and the wiring that follows from them."""

    def __init__(self, experiments: Experiments, case: Case) -> None:
        self.experiments, self.case, self.sizes = experiments, case, experiments.sizes

    def wiring(self) -> Wiring:
        facts = Facts(self.experiments).all()
        self._index_claims([fact for fact in facts if fact.kind and fact.kind != "readout"])
        kept, buffers = self._chosen(facts)
        turned = self._orient(kept)
        self._pair_biases(kept)
        held = self.experiments.held
        if not kept:
            has = ", ".join(f"{one.name} {one.shape}" for one in held[:6]) or "none"
            raise Unwired(f"none of its tensors acts as a weight (it has {has})")
        pieces, tensors = tuple(fact.piece for fact in kept), {fact.view.tensor: fact.view.held for fact in kept}
        names = {name for piece in pieces for name in piece.weight.parameters}
        names |= {f"{kind}_{piece.weight.suffix}" for piece in pieces if piece.weight.is_bias for kind in KINDS[2:]}
        missing = tuple(name for name in _expected(self.case, self.sizes) if name not in names)
        shapes = {name: one.shape for name, one in tensors.items()}
        beyond = self._beyond(kept, buffers)
        return Wiring(pieces, shapes, missing, tuple(buffers), (), beyond, turned, _aliases(tensors))

    # -- claims of names -----------------------------------------------------------------------------------------------

    def _index_claims(self, weights: list[Fact]) -> None:
        """Tell layers and directions by the words and numbers of names, where they are words, or nothing else told."""
        s = self.sizes
        lettered = {fact.view.tensor.partition(".")[0].lower() for fact in weights}
        words = any(fact.view.claim.reverse for fact in weights) or any(pair <= lettered for pair in _LETTERS)
        first = min((number for fact in weights for number in fact.view.numbers[-1:]), default=0)
        owners = list(dict.fromkeys(_owner(fact) for fact in weights))
        each_its_own = len(owners) == s.rows > 1 and "" not in owners  # left and right, first and second
        for fact in weights:
            numbers = fact.view.numbers
            if not numbers and each_its_own:
                numbers, first = [owners.index(_owner(fact))], 0
            layer, reverse = self._by_number(numbers, first, words)
            if s.directions == 2 and words:
                name = fact.view.tensor.lower()
                fact.reverse = fact.view.claim.reverse or (name.startswith(("b_", "b.")) and "." in name)
            said = _LAYER_WORDS.search(fact.view.tensor)
            if said and s.layers > 1 and int(said[2]) < s.layers:
                layer = int(said[2])
            fact.layer = layer if fact.layer is None else fact.layer
            fact.reverse = reverse if fact.reverse is None else fact.reverse
        self._settle_conflicts(weights, first, words)
        places = [(fact.kind, fact.place) for fact in weights if fact.kind in ("weight_ih", "weight_hh")]
        if each_its_own and len(places) != len(set(places)):
            for fact in weights:
                fact.layer, number = divmod(owners.index(_owner(fact)), s.directions)
                fact.reverse = number == 1

    def _settle_conflicts(self, weights: list[Fact], first: int, words: bool) -> None:
        """Let numbers in names decide where experiments put several tensors in one place.

        So they do in code whose layers all start from one state, or that returns h_n in another order.
        """
        by_kind: dict[str | None, list[Fact]] = defaultdict(list)
        for fact in weights:
            if fact.effective:
                by_kind[fact.kind].append(fact)
        for kind, group in by_kind.items():
            named = [self._by_number(fact.view.numbers, first, words) for fact in group]
            found, told = Counter(fact.place for fact in group), Counter(named)
            if max(found.values()) > _most(kind) >= max(told.values()):
                for fact, (fact.layer, fact.reverse) in zip(group, named, strict=True):
                    fact.evidence = "the number in its name"

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

    # -- choice --------------------------------------------------------------------------------------------------------

    def _chosen(self, facts: list[Fact]) -> tuple[list[Fact], list[str]]:
        """Return the views that are weights, of two with the same claim the one that acts, and the buffers."""
        kept = [fact for fact in facts if fact.kind == "readout"]
        buffers = [fact.view.name for fact in facts
                   if fact.kind is None and not fact.effective and self.sizes.H in fact.view.shape]  # fmt: skip
        groups: dict[Any, list[Fact]] = defaultdict(list)
        for fact in facts:
            if fact.kind not in (None, "readout"):
                groups[fact.kind, fact.place].append(fact)
        for (kind, _), group in groups.items():
            acting = [fact for fact in group if fact.effective]
            room = _most(kind) - len(acting)
            if room < 0:
                names = ", ".join(fact.view.name for fact in acting)
                raise Unwired(f"{names} all act as {kind}: nn.RNN has {_most(kind)} for a layer and direction")
            silent = [fact for fact in group if not fact.effective]
            claimed = [fact for fact in silent if _claims_a_weight(fact)]
            if kind == "bias" and len(acting) == 1:
                claimed = [fact for fact in claimed if _is_another_bias(fact, acting[0])]
            kept += [*acting, *claimed[:room]]
            buffers += [fact.view.name for fact in silent if fact not in claimed[:room]]
        return kept, buffers

    def _pair_biases(self, facts: list[Fact]) -> None:
        """Take one of two biases of a layer and direction for b_ih: which is which is the same function."""
        groups: dict[Any, list[Fact]] = defaultdict(list)
        for fact in facts:
            if fact.is_bias:
                groups[fact.place].append(fact)
        for group in groups.values():
            claims = [fact.view.claim.kind for fact in group]
            if len(group) == 2:
                swapped = claims[0] == "bias_hh" or claims[1] == "bias_ih"
                group[0].kind, group[1].kind = ("bias_hh", "bias_ih") if swapped else ("bias_ih", "bias_hh")
            elif len(group) == 1:
                group[0].kind = "bias"

    def _beyond(self, kept: Sequence[Fact], buffers: Sequence[str]) -> tuple[str, ...]:
        """Return the tensors without effect whose names differ from a weight's in a number alone."""
        stems = {re.sub(r"\d+", "#", fact.view.name) for fact in kept if re.search(r"\d", fact.view.name)}
        parameters = {name for one in self.experiments.held if one.parameter for name in one.names}
        return tuple(name for name in buffers if re.sub(r"\d+", "#", name) in stems and name in parameters)

    # -- orientation ---------------------------------------------------------------------------------------------------

    def _orient(self, facts: list[Fact]) -> bool:
        """Tell how each matrix lies: by its shape; a square one by the unit that one element of it moves.

        Return whether a square one lies the other way than its neighbour that is not.
        """
        matrices = [fact for fact in facts if len(fact.view.big) == 2 and fact.kind != "readout" and not fact.is_bias]
        free = [fact for fact in matrices if not fact.view.held.linear]
        for fact in matrices:
            by_shape = len(set(fact.view.big)) == 2 and not isinstance(fact.view.index, slice)
            if fact.kind == "weight" or (by_shape and fact in free):
                fact.transposed = fact.view.big[0] != self.sizes.H
            elif fact in free and not fact.view.exact:
                fact.transposed = self._behaves_transposed(fact)
            fact.state_first = fact.kind == "weight" and self._state_first(fact)
        told = [fact for fact in free if fact.kind == "weight_ih" and len(set(fact.view.big)) == 2
                and not isinstance(fact.view.index, slice)]  # fmt: skip
        squares = [fact for fact in free if fact.kind in ("weight_hh", "weight_ih") and len(set(fact.view.big)) == 1]
        others = [fact for fact in squares if not fact.view.exact and fact.effective]
        return any(fact.transposed != told[0].transposed for fact in others) if told else False

    def _behaves_transposed(self, fact: Fact) -> bool:
        (layer, reverse), states = fact.place, self.experiments.takes_state
        row = layer * self.sizes.directions + reverse
        alone = "x" if fact.kind != "weight_hh" else f"h{row}" if states else "all"
        for when in dict.fromkeys((alone, "all")):
            units = self.experiments.units(fact.view, when, (0, 1), row, int(reverse))
            if len(units) == 1:
                return units == {1}
        if not units:
            return False
        # the change spreads to other units: the one that moves first
        return self.experiments.units(fact.view, "two", (0, 1), None, int(reverse)) == {1}

    def _state_first(self, fact: Fact) -> bool:
        """Return whether the columns of h come before those of x in a joined matrix."""
        s, change = self.sizes, torch.zeros(fact.view.shape, dtype=torch.float64)
        matrix = change.view(fact.view.big)
        (matrix.T if fact.transposed else matrix)[:, : min(max(fact.view.big) - s.H, s.H)] = 0.5
        return not self.experiments.effect(fact.view, "x", change).any


def _owner(fact: Fact) -> str:
    return fact.view.tensor.rpartition(".")[0]


def _most(kind: str | None) -> int:
    """Return how many tensors of a kind a layer has in one direction."""
    return 2 if kind == "bias" else 1


def _claims_a_weight(fact: Fact) -> bool:
    told = fact.view.claim.kind or isinstance(fact.view.index, slice)
    return bool(told) and not _NOT_A_WEIGHT.search(fact.view.tensor)


def _is_another_bias(fact: Fact, acting: Fact) -> bool:
    """Return whether the name of a silent bias claims a bias beside the one that acts."""
    claim, other, held = fact.view.claim.kind or "", acting.view.claim.kind, fact.view.held
    if held.linear or isinstance(fact.view.index, slice) or (held.parameter and claim.startswith("bias")):
        return True
    return claim in ("bias_ih", "bias_hh") or bool(claim and other and claim != other)
