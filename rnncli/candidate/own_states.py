"""How a candidate takes its states: what its signature, names and source say of them, and a state in that form."""

import ast
import inspect
import re
from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from rnncli.candidate import docstrings, key_source, signature, source, state_source
from rnncli.candidate.names import is_cell_state
from rnncli.candidate.weights import Binding, Missing
from rnncli.core.case import Case
from rnncli.core.cells import Cell


class OwnStates:
    """The states that a call takes, in the form it takes them. `names`: of the arguments.

    `optional`: they may be omitted, and `starts_itself` where they are. `order_is_open`: names do not tell which of two
    is h. `pair`: one argument is taken apart into h and c, `c_first` in this order; `may_be_pair`: where it is a tuple.
    `h_alone`: of h and c it takes h, and c starts at zeros in it.
    """

    h_alone = starts_itself = pair = may_be_pair = c_first = False
    unpacks: bool | None = None  # whether the source takes h_0 apart; None where it does not tell
    unpacks_h_alone: bool | None = None
    documented: list[str] | None = None  # their axes
    record: Any = None  # a named tuple, a dataclass or a dict of h and c
    side_by_side: Sequence[str] = ()  # h and c, in their order, where one tensor holds both
    goes_in_again = True  # what the last call gave back has the form of what it took
    stacked = False  # h and c along the first axis of one tensor
    listed = as_list = takes_part_of_first = False  # a list over layers; a list or a tuple of states; (h,)

    def __init__(self, names: list[str], call: Callable[..., Any], written: Any, module: Any, cell: Cell) -> None:
        """`written`: the function or class whose source says more than that of `call`."""
        self.names, self.cell, self.module = names, cell, module
        defaults = {p.name for p in signature.parameters_of(call) if p.default is not p.empty}
        self.optional = self.taken and all(one in defaults or state_source.replaces_none(call, one) for one in names)
        self.order_is_open = len(names) == 2 == len(cell.states) and not any(map(is_cell_state, names))
        if self.taken:
            self.starts_itself = self.optional and any(state_source.looks_for_none(call, one) for one in names)
            self.documented = docstrings.documented_shape(docstrings.notes_on(written), names[0], alone=True)
            self._tell_unpacking(call, written, names[0])
            self._tell_pair(call, written, names[0])

    def _tell_unpacking(self, call: Callable[..., Any], written: Any, name: str) -> None:
        one_state, helpers = len(self.cell.states) == 1, source.functions_behind(written, self.module)
        self.unpacks = state_source.unpacks(call, name, len(self.names) < len(self.cell.states), helpers)
        if one_state and state_source.zeros_rank(call, name) == 3:
            self.unpacks = True  # it starts from zeros of (1, N, H)
        self.unpacks_h_alone = state_source.unpacks(call, name, helpers=helpers)
        self.takes_part_of_first = one_state and state_source.takes_part_of_first(call, name)
        alone = len(self.cell.states) == 2 and len(self.names) == 1
        self.may_be_pair = alone and state_source.may_be_pair(call, name)
        if alone and not self.may_be_pair:
            both, axes = state_source.side_by_side(call, name), self.documented or []
            self.side_by_side = both if [*map(is_cell_state, both)].count(True) == 1 else []
            self.unpacks = None if self.side_by_side else self.unpacks
            self.stacked = (axes[:1] == ["2"] and len(axes) > 2) or state_source.is_unbound(call, name)
            self.documented = axes[1:] if self.stacked and axes else self.documented

    def _tell_pair(self, call: Callable[..., Any], written: Any, name: str) -> None:
        cell, alone, one_state = self.cell, len(self.names) == 1, len(self.cell.states) == 1
        said = {p.name: p.annotation for p in signature.parameters_of(call)}.get(name)
        self.record = self._record_of(call, name, said) if alone else None
        own = state_source.unpacked_into(call, name) if alone else self.names
        nodes, helpers = source.nodes_of(written), source.functions_behind(written, self.module)
        taken = own or state_source.unpacked_into(call, name, helpers)
        taken = [*cell.states] if self.record else taken  # by their names, in whatever order they are read
        own_default = len(taken) > 1 and all(source.builds_a_list(nodes, one) for one in taken)  # a list over layers
        self.listed = own_default or (one_state and state_source.is_listed(call, name))
        pair = len(cell.states) == 2 == len(taken)
        self.pair = pair and any(map(is_cell_state, taken))  # by its source: h alone is none
        c_first = pair and is_cell_state(taken[0]) and not is_cell_state(taken[1])
        self.c_first = c_first and taken == own
        self.order_is_open = self.order_is_open or (c_first and taken != own)  # a helper's names are not its own
        text = " ".join(inspect.getdoc(one) or "" for one in (call, written))
        names = "|".join(map(re.escape, self.names))
        listed = re.search(rf"\b({names})\b\W*(is |are )?(a |an )?(python )?list\b", text, re.IGNORECASE)
        may_be_list = not self.pair and not state_source.is_cut(call, name)  # [h, c] is a pair
        places = state_source.places_of(call, name, helpers) if may_be_list else []
        handed_on = any(source.builds_a_list([*ast.walk(one), *helpers], own) for one, own in places)
        built = may_be_list and (source.builds_a_list(nodes, name) or handed_on)
        self.as_list = bool(listed) or built or (one_state and state_source.takes_apart_if_true(call, name))

    def _record_of(self, call: Callable[..., Any], name: str, annotation: Any) -> Any:
        """Return the record that they come in: by an annotation, or with the names that `state.h` gives them."""
        records = (signature.record_of(word, self.module) for word in re.findall(r"\w+", str(annotation)))
        fields = [one for one in key_source.attributes_of(call, name) if state_source.names_a_state(one)]
        keys = [one for one in key_source.keys_of(call, name) if state_source.names_a_state(one)]
        made = namedtuple("States", fields) if fields else type("States", (dict,), {"_fields": keys}) if keys else None
        return next(filter(None, records), made)

    @property
    def taken(self) -> bool:
        return bool(self.names)

    @property
    def takes(self) -> Literal["all", "h_0", "none"]:
        """Return which of the initial states it takes."""
        return "none" if not self.taken else "h_0" if self.h_alone else "all"

    def take_h_alone(self) -> None:
        """Take the one argument as h: `h_0[0]` is then a row of it, and not h of a pair."""
        self.h_alone, self.unpacks = True, self.unpacks_h_alone

    def exchange(self) -> None:
        """Take the second of two arguments, or of a pair, for h: what comes out goes in again."""
        self.names.reverse()
        self.c_first = True

    # -- in the form of the candidate ----------------------------------------------------------------------------------

    def given(self, name: str, state: Any, binding: Binding) -> Any:
        """Return what an argument is given for a state, a tuple of (h, c), or a list over layers of these."""
        state = state[0] if self.h_alone and isinstance(state, tuple) else state
        if self.record:
            each = [self._as_record(one, binding) for one in (state if isinstance(state, list) else [state])]
            return each if isinstance(state, list) else each[0]
        return binding.given(self._of_argument(name, state))

    def parted(self, returned: Any, case: Case) -> Any:
        """Return h and c as two, in torch's order, wherever one tensor of what was returned holds both side by side."""
        self.goes_in_again = not self.side_by_side
        return self._parted(returned, [case.rnn.h_out, case.rnn.hidden_size]) if self.side_by_side else returned

    def _parted(self, returned: Any, sizes: list[int]) -> Any:
        if type(returned) is tuple:
            return tuple(self._parted(one, sizes) for one in returned)
        if not isinstance(returned, Tensor) or returned.shape[-1:] != (sum(sizes),):
            return returned
        self.goes_in_again, c_first = True, is_cell_state(self.side_by_side[0])
        return torch.split(returned, sizes[::-1] if c_first else sizes, -1)[:: -1 if c_first else 1]

    def _as_record(self, state: Any, binding: Binding) -> Any:
        states = binding.given(state if isinstance(state, tuple) else (state,))
        fields = [name for name in signature.fields_of(self.record) if state_source.names_a_state(name)]
        return self.record(**{name: states[-1 if is_cell_state(name) else 0] for name in fields})

    def _of_argument(self, name: str, state: Any) -> Any:
        pair = isinstance(state, tuple)
        if self.side_by_side and pair:
            return torch.cat(state[::-1] if is_cell_state(self.side_by_side[0]) else state, -1)
        if self.stacked and pair:
            return torch.stack(state[::-1] if self.c_first else state)
        if len(self.names) > 1:
            return self._of_several(name, state)
        return state[::-1] if self.c_first and pair else state

    def _of_several(self, name: str, state: Any) -> Any:
        """Return the state of an argument where there are several: for each direction, and each state of the cell."""
        kinds = len(self.cell.states)
        if kinds > 1 and isinstance(state, list):
            state = tuple(map(list, zip(*state, strict=True)))
        if isinstance(state, tuple) and kinds > 1:
            cells = [one for one in self.names if is_cell_state(one)] or self.names[1:2]
            own = cells if name in cells else [one for one in self.names if one not in cells]
            if len(own) * kinds != len(self.names):
                raise Missing("an argument for each of h_0 and c_0")
            state = state[name in cells]
        else:
            own = self.names
        if len(own) == 1:
            return state
        if not isinstance(state, list) or len(state) != len(own):
            raise Missing("a state for each direction")
        return state[own.index(name)]
