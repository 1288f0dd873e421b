"""Which gate each block of rows of a weight is: by its name, or by experiments on the object alone.

All weights are zero but a block, which saturates its gate, and what the next h does tells the gate. First one step from
states of zero, with x of ones, for what multiplies x and for biases:

    LSTM    g alone moves h; beside a saturated g, o doubles h, f does nothing, i does something else
    GRU     n alone moves h; beside a saturated n, z moves h and r does nothing

Then one step with x = 0 from positive states, for what multiplies h:

    LSTM    i does nothing, o doubles h, f low leaves nothing of it, g does something else
    GRU     r does nothing, z leaves h as it was, at one of its ends, n does something else

An object that takes no states gets them in a step before, in which x excites g or n.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnncli.candidate.experiments import Experiments, View
from rnncli.candidate.names import TORCHS, bias_of_state, gates_among, without_numbers
from rnncli.candidate.state_source import names_a_state
from rnncli.core.cells import Cell

_SATURATED = 50.0  # an element of a block: sigmoid and tanh of its sums are 0 or 1 but for 1e-9
_SAME = 1e-6
_MATRICES = ("weight_ih", "weight_hh")
_PEEPHOLE = re.compile(r"(^|[._])(w|v|p|peep\w*)_?c?_?[ifo]?$", re.IGNORECASE)
_OTHER_BIAS = {"bias_ih": "bias_hh", "bias_hh": "bias_ih"}


class UntoldGates(Exception):
    """Weights whose gates nothing tells."""


class Block(NamedTuple):
    """The rows of one gate in a view, or one of them."""

    view: View
    number: int
    unit: int | None = None


Fills = Mapping[Block, float]


def tell_gates(experiments: Experiments, views: list[View], cell: Cell) -> None:
    """Give the weights of a cell their gates. Raises UntoldGates."""
    groups: dict[tuple[int, bool], list[View]] = defaultdict(list)
    for view in views:
        groups[view.place].append(view)
    for place in sorted(groups, reverse=True):  # of the last layer first, which output shows
        _Place(experiments, views, groups[place], cell).tell()


class _Place:
    """The weights of one layer in one direction."""

    def __init__(self, experiments: Experiments, every: list[View], own: list[View], cell: Cell) -> None:
        self.experiments, self.every, self.own, self.cell = experiments, every, own, cell
        self.layer, self.reverse = own[0].place
        self.excited: Block | None = None
        self.by_output = not experiments.returns_h_n  # h is seen in output, and not in h_n

    def tell(self) -> None:
        for view, gates in self._claiming_torchs_order().items():
            view.gates = gates
        self._by_names([view for view in self.own if view.blocks == 1])
        untold = [view for view in self.own if not view.gates]
        if untold and self._h({}) is None:
            if self._as_the_layer_above():
                return
            self._as_another_layer(untold)
        elif untold:
            self._by_experiments(untold)
        if self.cell.reset:
            self._tell_biases_apart(self.cell.reset, self.cell.source)
        for gate in self.cell.gates:
            self._tell_biases_of(gate)

    def _claiming_torchs_order(self) -> dict[View, tuple[str, ...]]:
        """Return the gates of tensors with torch's names, whole or in parts: of biases where all matrices have them."""
        told, gates = self.experiments.trial.native.lies_as_told, self.cell.gates
        as_torch = [] if self.experiments.binding.transposed else self.own
        whole = {view: gates for view in as_torch if view.blocks == len(gates) and (view.axis == 0 or view.exact)}
        whole |= {view: (gates[view.number],) for view in as_torch
                  if told and view.number is not None and len(self._rows_beside(view)) == len(gates)}  # fmt: skip
        named = [view for view in whole if TORCHS.search(view.of_all_layers)]
        matrices = [view for view in self.own if view.kind in _MATRICES and (view.blocks > 1 or view in whole)]
        if not set(matrices) <= set(named):
            return {}  # an order of its own, of which some tensor happens to have a name of torch's
        return {view: whole[view] for view in whole if view in named or (matrices and view.kind == "bias")}

    def _by_names(self, views: list[View]) -> None:
        by_kind: dict[str | None, list[View]] = defaultdict(list)
        for view in views:
            by_kind["bias" if view.claim.is_bias else view.kind].append(view)
        for kind, group in by_kind.items():
            named = gates_among([view.tensor for view in group], self.cell)
            whole = len(named) == len({view.tensor for view in group})
            for view in group if whole else [view for view in group if view.tensor in named and kind == "bias"]:
                view.gates, view.evidence = (named[view.tensor][1],), f"{view.evidence}; gate by its name"

    def _as_the_layer_above(self) -> bool:
        """Take what is told of the layer above where its weights differ in the numbers of their names alone: an order
        of its own is one for all layers. Return whether they do.
        """
        stems = {without_numbers(view.name): view for view in self.every
                 if view.layer == self.layer + 1 and view.reverse == self.own[0].reverse}  # fmt: skip
        above = [stems.get(without_numbers(view.name)) for view in self.own]
        for view, other in zip(self.own, above, strict=True):
            if other is None or not other.gates or other.assumed or other.blocks != view.blocks:
                return False
            if not self._of_one_code(view.tensor, other.tensor):
                return False
        for view, other in zip(self.own, above, strict=True):
            assert other is not None
            view.gates, view.interleaved, view.torchs_bias = other.gates, other.interleaved, other.torchs_bias
            view.apart, view.of_apart = other.apart, other.of_apart
            view.evidence += "; gates as in the layer above"
        return True

    def _of_one_code(self, *names: str) -> bool:
        """Return whether the modules that two tensors lie in are of one class, with the same texts in them."""

        def along(name: str) -> list[Any]:
            found = [self.experiments.made]
            for part in name.split(".")[:-1]:
                found.append(getattr(found[-1], part, None))
            return [(type(one), {key: text for key, text in vars(one).items() if isinstance(text, str)})
                    for one in found if one is not None]  # fmt: skip

        one, other = map(along, names)
        return one == other

    def _as_another_layer(self, untold: list[View]) -> None:
        """Take the order of the layer above where states of a wrong shape are a mismatch in any order, or a call that
        raises.

        Raises UntoldGates where h does not come back, and for a tensor of single gates.
        """
        reading, all_gates = self.experiments.reading, len(self.cell.gates)
        reason = "h_n, which would show it, has another shape" if reading else "its calls raise"
        for view in untold:
            if (reading is not None and reading.fits) or view.blocks != all_gates:
                raise UntoldGates(f"{view.name}: which gate its rows are cannot be seen, as h does not come back")
            self._take_order_of_others(view, reason)

    def _take_order_of_others(self, view: View, reason: str) -> None:
        """Take the order of the same layer's other tensors, else of another layer's, else torch's."""
        others = [one for one in (*self.own, *self.every) if len(one.gates) == len(self.cell.gates) and one is not view]
        view.gates, view.interleaved = (others[0].gates, others[0].interleaved) if others else (self.cell.gates, False)
        view.assumed = others[0].assumed if others else True
        whose = "the order of the others" if others else "torch's order"
        view.evidence += f"; {whose}, as {reason}"

    # -- experiments ---------------------------------------------------------------------------------------------------

    def _by_experiments(self, untold: list[View]) -> None:
        """Tell gates by h_n; where that leaves rows of no gate, h_n may be wrong, and output tells them, if it does."""
        told = self._told(untold)
        if not _all_told(untold, told):
            before = [(view, view.interleaved) for view in untold]
            self.by_output = True
            by_output = {} if self._h({}) is None else self._told(untold)
            if by_output and _all_told(untold, by_output):
                told = by_output
            else:
                self.by_output = False
                for view, interleaved in before:
                    view.interleaved = interleaved
        self._settle(untold, told)

    def _told(self, untold: list[View]) -> dict[Block, str | None]:
        """Tell gates by blocks of rows; where those act like no gates, by rows that are interleaved."""
        told, tried, all_gates = self._acts_like(), [], len(self.cell.gates)
        whole = [view for view in untold if view.blocks == all_gates]
        while unlike := [view for view in whole if not view.interleaved and not _each_once(view, told)]:
            tried += unlike
            for view in unlike:
                view.interleaved = True
            told = self._acts_like()
        if not tried:
            return told
        for view in tried:
            view.interleaved = _each_once(view, told) and self._moves_every_unit(view, told)
        return self._acts_like()

    def _moves_every_unit(self, view: View, told: Mapping[Block, str | None]) -> bool:
        """Return whether its rows of new values move all of h: those of blocks would be taken from every gate."""
        if view.kind == "weight_hh":  # it moves nothing from a state of zeros
            return True
        block = next(block for block, gate in told.items() if block.view is view and gate == self.cell.source)
        rest, moved = self._h({}), self._h({block: _SATURATED})
        return rest is not None and moved is not None and bool(((moved - rest).abs() > _SAME).all())

    def _acts_like(self) -> dict[Block, str | None]:
        every = [Block(view, number) for view in self.own if view.effective for number in range(view.blocks)]
        blocks = [one for one in every if one.view.kind != "weight_hh"]
        rest = self._h({})
        assert rest is not None
        sources = [one for one in blocks if _differ(self._h({one: _SATURATED}), rest)]
        self.excited = next(iter([one for one in sources if one.view.kind != "bias"] or sources), None)
        told = {one: self._of_input(one, one in sources) for one in blocks}
        return told | {one: self._of_state(one) for one in every if one.view.kind == "weight_hh"}

    def _settle(self, untold: list[View], told: Mapping[Block, str | None]) -> None:
        """Take what experiments tell where it makes sense: each gate once in a tensor, or in those of one kind."""
        singles: dict[str | None, list[str | None]] = defaultdict(list)
        found = {view: tuple(gate for block, gate in told.items() if block.view is view) for view in untold}
        for view, gates in found.items():
            singles[view.kind] += gates if view.blocks == 1 else ()
        for view, gates in found.items():
            most = 2 if view.kind == "bias" else 1
            if _each_once(view, told) and (view.blocks > 1 or singles[view.kind].count(gates[0]) <= most):
                view.gates = tuple(gate for gate in gates if gate)
                view.evidence += "; gates by experiment"
        every_gate = ",".join(self.cell.gates)
        for view in [view for view in untold if not view.gates]:
            if view.blocks == len(self.cell.gates):
                self._take_order_of_others(view, f"it acts like no order of {every_gate}")
            elif view.number is not None and len(rows := self._rows_beside(view)) == len(self.cell.gates):
                for row, gate in zip(rows, self.cell.gates, strict=True):
                    row.gates, row.assumed = (gate,), True
                    row.evidence += f"; torch's order, as {view.name} acts like no order of {every_gate}"
            elif view.effective:
                what = f"the gates of {self.cell.layer}: {every_gate}"
                raise UntoldGates(f"{view.name} {view.shape} acts like none of {what}")

    def _rows_beside(self, view: View) -> list[View]:
        """Return the views of one tensor that has an axis for the gates."""
        return [one for one in self.own if one.held is view.held]

    def _of_input(self, block: Block, is_source: bool) -> str | None:
        if is_source or self.excited is None:
            return self.cell.source if is_source else None
        base, low, high = (
            self._h({self.excited: _SATURATED, **fill}) for fill in ({}, {block: -_SATURATED}, {block: _SATURATED})
        )
        moves = _differ(low, base) or _differ(high, base)
        if self.cell.name == "GRU":
            return "z" if moves else "r"
        if not moves:
            return "f"
        if not _vanishes(low):
            return None
        return "o" if _doubles(high, base) else "i"

    def _of_state(self, block: Block) -> str | None:
        before, base = self._carried({}), self._carried({}, after=True)
        low, high = (self._carried({block: sign * _SATURATED}, after=True) for sign in (-1, 1))
        if before is None or base is None or low is None or high is None:
            return None
        if not _differ(low, base) and not _differ(high, base):
            return "i" if self.cell.name == "LSTM" else "r"
        if self.cell.name == "GRU":
            return "n" if _differ(low, before) and _differ(high, before) else "z"
        if not _vanishes(low):
            return "g"
        return "o" if _doubles(high, base) else "f"

    def _carried(self, fills: Fills, after: bool = False) -> Tensor | None:
        """Return h before or after a step with x = 0 from positive states."""
        takes_states = self.experiments.takes_states
        if takes_states and not after:
            return self.experiments.positive_states()[0][self._row]
        if takes_states:
            return self._h(fills, (0.0,), positive=True)
        if self.excited is None or self.excited.view.kind != "weight_ih" or self.layer:
            return None
        return self._h({self.excited: _SATURATED, **fills}, (1.0, 0.0) if after else (1.0,))

    @property
    def _row(self) -> int:
        return self.layer * self.experiments.sizes.directions + self.reverse

    def _h(self, fills: Fills, xs: tuple[float, ...] = (1.0,), positive: bool = False) -> Tensor | None:
        """Return h after steps with x of these values, with all weights zero but for the blocks that are filled; None
        where it is not seen.
        """
        s = self.experiments.sizes
        if self.experiments.reading is None:
            return None
        xs = xs[::-1] if self.reverse else xs
        x = torch.tensor(xs, dtype=torch.float64)[:, None, None].expand(len(xs), s.N, s.I)
        states = self.experiments.positive_states()
        if not positive:
            states = tuple(self._with_layer_zero(one) for one in states)
        output, h_n, *_ = self.experiments.isolated(
            self.every, [(*part, value) for part, value in fills.items()], x, states
        )
        if not self.by_output and h_n is not None and h_n.dim() == 3 and len(h_n) == s.rows:
            return h_n[self._row].double()
        if output is None or output.dim() != 3 or self.layer < s.layers - 1 or output.shape[-1] != s.wide:
            return None
        return output[0 if self.reverse else -1].narrow(-1, s.H * self.reverse, s.H).double()

    def _with_layer_zero(self, state: Tensor) -> Tensor:
        changed, directions = state.clone(), self.experiments.sizes.directions
        changed[self.layer * directions : (self.layer + 1) * directions] = 0.0
        return changed

    def _tell_biases_of(self, gate: str) -> None:
        """Tell two biases of a gate apart where one holds other gates too: each alone would be the sum of torch's."""
        biases = [view for view in self.own if view.kind == "bias" and view.effective and gate in view.gates]
        named = [view for view in biases if view.claim.is_bias or view.held.linear]
        others = [view for view in biases if view not in named and not names_a_state(view.tensor)]
        peepholes = len(self.cell.states) > 1 and all(
            _PEEPHOLE.search(view.tensor) and self.cell.source not in view.gates for view in others
        )
        if len(biases) > 2 >= len(named) > 0 or (named and peepholes):
            for view in others:  # they multiply c, and are no biases
                view.kind, view.gates = None, ()
            biases = [view for view in biases if view not in others]
        if len(biases) > 2:
            names, layer = [view.name for view in biases], self.cell.layer
            if start := next(filter(names_a_state, names), ""):
                raise UntoldGates(f"{start} is a state that it starts from, and {layer} has no such parameter")
            raise UntoldGates(f"{', '.join(names)} all act on {gate} where x and h are 0: {layer} has 2 biases")
        if len(biases) < 2 or biases[0].gates == biases[1].gates:
            return
        first, other = biases
        first.apart = first.apart or _OTHER_BIAS.get(other.apart, "bias_ih")
        other.apart = other.apart or _OTHER_BIAS[first.apart]
        for view in biases:
            view.of_apart = tuple(dict.fromkeys((*view.of_apart, gate)))

    # -- biases where a gate resets ------------------------------------------------------------------------------------

    def _tell_biases_apart(self, reset: str, source: str) -> None:
        """Tell b_hn, on which r acts, from b_in. A single bias that r spares is b_in, if r acts after the product."""
        resets = [Block(view, view.gates.index(reset)) for view in self.own
                  if reset in view.gates and view.effective and view.kind != "weight_hh"]  # fmt: skip
        biases = [view for view in self.own if view.kind == "bias" and source in view.gates and view.effective]
        if not resets or not biases:
            return
        inside = [view for view in biases if self._is_reset(Block(view, view.gates.index(source)), resets[0])]
        said = bias_of_state({view.tensor: view.claim.kind for view in biases})
        if len(biases) == 2 and len(inside) == 1 and said:
            inside = [view for view in biases if view.tensor == said]  # where another acts so: a mistake
        for view in biases:
            if len(biases) == 2 and len(inside) == 1:
                own = "bias_hh" if view in inside else "bias_ih"
                alike = biases[0].gates == biases[1].gates
                view.torchs_bias, view.apart = (own, "") if alike else ("", own)
                view.of_apart = () if alike else (source,)
            elif len(biases) == 1 and inside:
                view.apart, view.of_apart = "bias_hh", (source,)
            elif len(biases) == 1 and not self._resets_before(resets[0]):
                view.apart, view.of_apart = "bias_ih", (source,)

    def _is_reset(self, block: Block, reset: Block) -> bool:
        return _differ(*(self._h({block: 0.5, reset: sign * _SATURATED}) for sign in (-1, 1)))

    def _resets_before(self, reset: Block) -> bool:
        """Return whether r of one unit moves others: it acts on h before the product."""
        products = {Block(view, view.gates.index(self.cell.source)): 0.3 for view in self.own
                    if view.kind in ("weight_hh", "weight") and self.cell.source in view.gates}  # fmt: skip
        unit = {Block(reset.view, reset.number, 0): -_SATURATED}
        if self.experiments.takes_states:
            found = [self._h({**products, **fill}, positive=True) for fill in ({}, unit)]
        elif self.excited is not None and reset.view.kind == "bias":
            found = [self._h({self.excited: _SATURATED, **products, **fill}, (1.0, 0.0)) for fill in ({}, unit)]
        else:
            return False
        base, moved = found
        return base is not None and moved is not None and int(((base - moved).abs() > _SAME).any(0).sum()) > 1


def _each_once(view: View, told: Mapping[Block, str | None]) -> bool:
    """Return whether each block of a view acts like another gate."""
    gates = [gate for block, gate in told.items() if block.view is view]
    return bool(gates) and None not in gates and len(set(gates)) == len(gates)


def _all_told(views: Iterable[View], told: Mapping[Block, str | None]) -> bool:
    return all(_each_once(view, told) for view in views if view.blocks > 1)


def _differ(one: Tensor | None, other: Tensor | None) -> bool:
    return one is not None and other is not None and not torch.allclose(one, other, atol=_SAME)


def _vanishes(value: Tensor | None) -> bool:
    return value is not None and float(value.abs().max()) < _SAME


def _doubles(high: Tensor | None, base: Tensor | None) -> bool:
    return high is not None and base is not None and torch.allclose(high, 2 * base, atol=_SAME)
