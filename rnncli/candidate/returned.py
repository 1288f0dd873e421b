"""What of a candidate's result is output and what is h_n: by keys, by order, and by shapes at distinct sizes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rnncli.candidate.convention import (
    BATCH_FIRST,
    EACH,
    EACH_OF_EACH,
    LAST,
    LAST_OF_EACH,
    LAYOUTS,
    NESTED,
    Part,
    Path,
    Reading,
    as_tensor,
    at,
)
from rnncli.candidate.heads import Heads
from rnncli.candidate.items import (
    KEY_STEMS,
    Item,
    after_h,
    in_one_list,
    inner,
    is_tensor_like,
    items_of,
    names_states,
    shape_of,
    shown,
)
from rnncli.candidate.names import is_cell_state, words
from rnncli.candidate.places import is_array
from rnncli.candidate.signature import fields_of
from rnncli.candidate.trial import Trial

_OUTPUT_KEYS = words("output outputs out outs y ys hs hidden_states states h_all all_h seq last_hidden_state sequence")
_STATE_KEYS = words("h_n hn h hidden state last final h_last last_hidden h_t final_state last_state hx next_state")
_A_GATE = re.compile(r"(r|z|u|reset|update|gates?)(_?t|_?gates?)?$")
_LARGE = 1000.0  # times the states of a trial
_STATE_OF_STEP = {"NF": "NH", "1NF": "SNH", "F": "H", "1F": "SH", "FN": "HN", "F1": "H1"}


class Returned:
    """Parses the result of a trial call by how it was called. `said`: what the config says that it returns."""

    def __init__(self, trial: Trial, reading: Reading, said: str) -> None:
        self.trial, self.native, self.reading, self.said, s = trial, trial.native, reading, said, trial.sizes
        self.letters = {"L": s.L, "N": trial.batch(reading), "I": s.I, "H": s.H, "S": s.rows, "F": s.wide, "1": 1}
        self.states_first, self.heads = False, Heads(trial, reading)
        self.asked, self.final = reading.as_asked(trial.case), trial.case.cell.final
        self.outputs, self.finals = LAYOUTS[self.asked.input].outputs, LAYOUTS[self.asked.input].finals
        if reading.steps:  # what goes into the next step has the form of what came into this one
            self.outputs = self.outputs if reading.state == "SNH" else self.outputs[:1]
            self.finals = (reading.state,) if reading.state else self.finals
            self.finals += ("S,NH",) if reading.state in ("SNH", "NH") else ()  # Keras' [h]
            self.outputs = LAYOUTS[self.asked.input].outputs[:1] if reading.state == "1,SNH" else self.outputs
        else:
            self._leave_out_lists(reading.state or "")

    def _leave_out_lists(self, state: str) -> None:
        """Leave out lists but those that are documented, or that h_0 has too.

        d2l returns a list of states for output; where nn.RNN's names or a shape are promised, a list is another thing,
        and so is a list over time of what came with the batch first. A candidate that has layers or directions returns
        h_n in nn.RNN's form.
        """
        if state == "1,SNH":
            self.finals = (state,)
            return
        native, given_in_lists = self.native, "," in state or self.native.states.listed
        tensors = native.returns_tensors or (native.drop_in and not given_in_lists)
        layered = native.claims("num_layers") or self.reading.binding.listed
        if tensors or layered or (self.reading.input == "NLI" and not native.says_list):
            self.outputs = tuple(one for one in self.outputs if "," not in one)
        listed = native.says_list or given_in_lists
        if (tensors and "," not in state) or not (listed or len(native.states.names) > len(native.cell.states)):
            self.finals = tuple(one for one in self.finals if "," not in one) or self.finals
        if (layered or native.claims("bidirectional")) and state == "SNH":
            self.finals = tuple(one for one in self.finals if "S" in one) or self.finals

    def parse(self, returned: Any) -> Reading | None:
        """Return the reading with what of a result is output and h_n; None where nothing in it is a tensor."""
        items, steps = self._apart(items_of(returned, self.letters["L"], len(self.final))), self.reading.steps
        tensors = [self._item(path, value) for path, value in items if is_tensor_like(value)]
        if len(tensors) == 1 and len(items) > 1 and not steps:  # (output, (h_n, cache))
            tensors += [one for path, value in inner(items) if (one := self._item(path, value)).final][:1]
        tensors = self._without_gates(tensors) if steps and len(tensors) > 1 else tensors
        if not tensors or (steps and not self.native.states.goes_in_again):
            return None
        keyed = all(len(one.path) == 1 and isinstance(one.path[0], str) for one in tensors)
        places = self._by_key(tensors) if keyed else self._by_order(tensors)
        if places is None:
            return None
        of_head = [one for one in tensors if one.of_head and one not in places.values()]
        places |= {"output": of_head[0]} if keyed and "output" not in places and len(of_head) == 1 else {}
        parts = {}
        for name, one in places.items():
            fit = one.output or one.of_head if name == "output" else one.finals[self.final.index(name)]
            if not self.heads.computed_by_one(one, fit):
                known = fit or f"?{(self.outputs if name == 'output' else self.finals)[0]}"
                turned = name == "output" and self.asked.input != self.reading.input and "," not in (fit or "")
                listed = not fit and isinstance(one.value, list | tuple) and len(one.value) > 0
                parts[name] = Part(one.path, known.translate(BATCH_FIRST) if turned else known, listed)
        used = {part.path for part in parts.values()}
        used |= {(EACH, *path[1:]) for path in used if path[:1] == (LAST,)}
        others = [(path, value) for path, value in items if path and not any(one[: len(path)] == path for one in used)]
        neither = [f"result{''.join(f'[{key!r}]' for key in path)} {shown(value)}" for path, value in others]
        alone = len(tensors) == 1 and not parts and self.heads.is_one(tensors[0])
        head = self.heads.axes(tensors[0]) if alone else None
        of_last_step = head and (self.letters["L"],) in (shape_of(tensors[0].value), shape_of(tensors[0].value)[:-1])
        if of_last_step and self.reading.input == "LNI":
            return None  # of the last step, and the first axis is left: it is that of the batch
        output = parts.get("output") if self.said != "h_n" or "h_n" not in parts else None
        finals = [parts.get(name) if self.said != "output" or "output" not in parts else None for name in self.final]
        neither = neither if parts else [shown(returned)]
        found = replace(self.reading, output=output, finals=tuple(finals), neither=tuple(neither), head=head,
                        states_first=self.states_first)  # fmt: skip
        if steps:
            return _as_step(found)
        return found if parts or self.reading.input in ("LNI", "NLI") else None

    def _item(self, path: Path, value: Any) -> Item:
        by_direction = isinstance(value, tuple) and not self.native.returns_tensors  # (h_forward, h_reverse)
        by_direction = by_direction or (bool(path) and isinstance(path[0], tuple))
        forms, sizes = ((*self.finals, "S,NH") if by_direction else self.finals), self.trial.sizes
        finals = tuple(self._fitting(value, forms, {"H": sizes.H if name == "h_n" else sizes.C}) for name in self.final)
        of_head = self._fitting(value, self.outputs, {"F": sizes.O}) if self.native.has_output_size else None
        return Item(path, value, self._fitting(value, self.outputs, {}), finals, of_head)

    def _apart(self, items: list[tuple[Path, Any]]) -> list[tuple[Path, Any]]:
        """Return the items of a result with those that hold all states of a cell, (h, c), one by one.

        Of a list of (h, c), one for each layer, the list of all h and that of all c.
        """
        found, count = list[tuple[Path, Any]](), len(self.final)
        items = in_one_list(items, count) if self.reading.state == NESTED else items
        says_c = any(is_cell_state(path[-1]) for path, _ in items if path and isinstance(path[-1], str))
        for path, value in self._with_directions_together(items):
            names = list(value) if isinstance(value, dict) and count > 1 else fields_of(type(value))
            if path and names_states(names, count):
                found += [((*path, name), at(value, (name,))) for name in sorted(names, key=after_h)]
                continue
            several = isinstance(value, tuple | list) and count > 1
            kinds = {type(one) for one in value} if several else set()
            rows = len(value) if several else 0
            rank = 3 if self.letters["S"] == 1 and self.reading.state == "NH" else 4
            in_one = count > 1 and is_array(value) and len(shape_of(value)) == rank and len(value) == count
            in_one = in_one and not says_c
            pairs = bool(kinds) and all(issubclass(kind, tuple) for kind in kinds)
            if rows == self.letters["S"] and pairs and {len(one) for one in value} == {count}:
                each = () if path[-1:] == (EACH_OF_EACH,) else (EACH,)
                found += [((*path, *each, index), [one[index] for one in value]) for index in range(count)]
            elif rows == count and self._are_states(value):
                found += [((*path, index), one) for index, one in enumerate(value)]
            elif in_one:
                found += [((*path, index), value[index]) for index in range(count)]
            else:
                found.append((path, value))
        return found

    def _with_directions_together(self, items: list[tuple[Path, Any]]) -> list[tuple[Path, Any]]:
        """Return (y, fh, fc, bh, bc), as Keras returns it, with a pair for each state: (y, (fh, bh), (fc, bc)).

        Also (y, fh, bh, fc, bc), where the names that are returned say so.
        """
        s, count, ranks = self.trial.sizes, len(self.final), [len(shape_of(value)) for _, value in items]
        if (s.rows, s.directions) != (2, 2) or ranks != [3, *[2] * 2 * count]:
            return items
        first, *rest = items
        by_state, halves = self.native.returns_c_of_both_last, (rest[:count], rest[count:])
        pairs = zip(*((rest[::2], rest[1::2]) if by_state else halves), strict=True)
        together = [((tuple(path[0] for path, _ in pair),), tuple(value for _, value in pair)) for pair in pairs]
        return [first, *together]

    def _are_states(self, value: Any) -> bool:
        """Return whether a pair is (h, c): no cache, nor one state of each of two layers, unless its names say so."""
        of_layers = len(value) == self.letters["S"] and {len(shape_of(one)) for one in value} == {2}
        return all(map(is_tensor_like, value)) and (self.native.names_c_second or not of_layers)

    def _fitting(self, value: Any, options: Sequence[str], other: Mapping[str, int]) -> str | None:
        sizes = {**self.letters, **other}
        for axes in options:
            first, listed, rest = axes.rpartition(",")
            shapes = (
                [shape_of(item) for item in value] if listed and isinstance(value, list | tuple) else [shape_of(value)]
            )
            of_lists = [tuple(sizes[letter] for letter in rest)] * (sizes[first] if listed else 1)
            if shapes == of_lists and not (axes == "NH" and sizes["S"] > 1) and (listed == "" or not is_array(value)):
                return axes
        return None

    def _without_gates(self, tensors: list[Item]) -> list[Item]:
        """Leave out gates that a step returns behind its states: `return h, r, z`, `return h, (h, c), (i, f, g, o)`.

        Of two results of a step with one state, the second is a gate by its name too: `return h, r`, not `return h, n`.
        """
        count, names = len(self.final), self.native.returned_names
        kept = [one for one in tensors if not (isinstance(one.value, tuple) and len(one.value) > count)]
        behind = tensors[len(kept) :]
        apart = kept == tensors[: len(kept)] and not any(one.final or one.output for one in behind)
        if behind and apart and len(kept) >= count and all(one.final for one in kept):
            return kept
        states, behind = tensors[:count], tensors[count:]
        told = len(behind) > 1 or (count == 1 and bool(_A_GATE.match("".join(names[1:2]))))
        return states if told and self._are_gates(behind) else tensors

    def _are_gates(self, behind: list[Item]) -> bool:
        """Return whether results stay within 1 though the states that go in are large.

        What has another shape than a state, as the sums of all gates, tells nothing.
        """
        gates = [one for one in behind if one.final or one.output]
        large = replace(self.trial, states=tuple(one * _LARGE for one in self.trial.states))
        if len(self.trial.case.cell.gates) == 1 or not gates:
            return False
        try:
            result = large.returned(self.reading)
            return all(bool((as_tensor(at(result, one.path)).abs() <= 1).all()) for one in gates)
        except Exception:
            return False

    # -- which is which ------------------------------------------------------------------------------------------------

    def _by_key(self, tensors: list[Item]) -> dict[str, Item] | None:
        """Tell output and h_n by their keys; where none means anything, by the shape, if one shape stands for one."""
        keys = {one: one.path[0].lower() for one in tensors}
        if len(self.final) > 1:
            return self._states_by_key(tensors, keys)
        fitting = {"output": [one for one in tensors if one.output], "h_n": [one for one in tensors if one.final]}
        known = {"output": [one for one in tensors if keys[one] in _OUTPUT_KEYS],
                 "h_n": [one for one in tensors if keys[one] in _STATE_KEYS]}  # fmt: skip
        found: dict[str, Item] = {}
        for name, other in (("output", "h_n"), ("h_n", "output")):
            fits = [one for one in known[name] if one in fitting[name]]
            if fits or (known[name] and not any(one in fitting[other] for one in known[name])):
                found[name] = (fits or known[name])[0]
        for name in [name for name in known if any(known.values()) and name not in found]:
            rest = [one for one in tensors if one not in found.values()]
            said = [one for one in rest if re.search(KEY_STEMS[name], keys[one])]
            likely = [one for one in rest if one in fitting[name]] or said
            found |= dict.fromkeys([name], likely[0]) if likely else {}
        if not found and max(map(len, fitting.values())) > 1:
            return None
        return found or {name: fits[0] for name, fits in fitting.items() if fits}

    def _states_by_key(self, tensors: list[Item], keys: Mapping[Item, str]) -> dict[str, Item]:
        """Tell output and several states by their keys; the others by their order."""
        cells = [one for one in tensors if is_cell_state(keys[one])]
        told = {"c_n": cells[:1], "output": [one for one in tensors if keys[one] in _OUTPUT_KEYS][:1]}
        told["h_n"] = [one for one in tensors if keys[one] in _STATE_KEYS and one not in cells][:1]
        found = {name: ones[0] for name, ones in told.items() if ones}
        if cells and cells[0].output and not cells[0].final:
            found["c_n"] = self._last_of_every_step(cells[0]) or cells[0]
        for name in [name for name in KEY_STEMS if found and name not in found]:
            rest = [one for one in tensors if one not in (*found.values(), *cells)]
            said = [one for one in rest if re.search(KEY_STEMS[name], keys[one])]
            found |= dict.fromkeys([name], said[0]) if said else {}
        return found or self._by_order(tensors)

    def _by_order(self, tensors: list[Item]) -> dict[str, Item]:
        """Take the first of several tensors for output, the next for h_n; what a head computed may stand before."""
        tensors = self.heads.without(tensors)
        if self.said == "states first" or self._has_states_first(tensors):
            self.states_first = self.said != "states first"
            tensors = [tensors[-1], *tensors[:-1]]
        several = self.reading.steps and len(self.final) > 1
        nested = [one for one in tensors if len(one.path) > 1]
        plain = [one for one in tensors if one not in nested]
        if several and nested:  # gates may stand beside the states: h, c, (i, f), or (h, c), (i, f)
            nested = [one for one in nested if one.path[0] == nested[0].path[0]]
            of_states = len(plain) == len(self.final) and all(one.final for one in plain)
            tensors = plain if of_states else [*plain, *nested]  # flax returns (c, h), y
        if tensors[0].path[:1] == (EACH,):  # (h, c) of every step: those of the last one are the final states
            states = dict(zip(self.final[::-1] if self.native.states.c_first else self.final, tensors, strict=False))
            last = {name: self._item((LAST, *one.path[1:]), one.value[-1]) for name, one in states.items()}
            return {"output": states["h_n"], **last}
        first, *others = tensors
        kept = self.reading.steps and first.of_head  # where the identity makes it the state
        if len(tensors) == 2 and not first.output and not kept and self.heads.is_one(first) and others[0].output:
            first, *others = others  # the results of a head, and the states they come from
        if len(self.final) > 1 and len(tensors) > 1:
            alone = len(tensors) == len(self.final) and (self.reading.steps or not first.output)
            if len(tensors) == 2 and not alone and self.native.names_c_second:  # c, or c of every step
                last_c = self._last_of_every_step(others[0]) if others[0].output else others[0]
                return {"output": first, "c_n": last_c} if last_c else {"output": first}
            named = self.native.names_h_first and not self.reading.steps  # a step's states go in as they came out
            turned = self.native.states.c_first and not self.native.drop_in and not named
            ordered = self.final[::-1] if turned else self.final
            names = ordered if alone else ("output", *ordered)
            beside = [one for one in others if one.final]  # c of every step may stand before h_n
            told = [first, *beside] if not alone and len(beside) >= len(self.final) else tensors
            return dict(zip(names, told, strict=False))
        if not others:
            return {"h_n" if (first.final and not first.output) or self.said == "h_n" else "output": first}
        if len(others) == 1:
            return {"output": first, "h_n": others[0]}
        if self.heads.is_one(first) or (is_array(first.value) and not first.value.shape):
            first = next((one for part in ("output", "of_head") for one in tensors if getattr(one, part)), first)
        before, after = tensors[: tensors.index(first)], tensors[tensors.index(first) + 1 :]
        final = [one for one in (*after, *before) if one.final] or [
            one for one in after if not (one.output or one.of_head)
        ]
        return {"output": first, "h_n": final[0]} if final else {"output": first}

    def _last_of_every_step(self, one: Item) -> Item | None:
        """Return the last of the states of every step of one layer and direction; None for other ones."""
        if self.letters["S"] > 1 or one.output not in ("LNF", "L,NF", "NLF"):
            return None
        key, value = (LAST_OF_EACH, one.value[:, -1]) if one.output == "NLF" else (LAST, one.value[-1])
        return self._item((*one.path, key), value)

    def _has_states_first(self, tensors: list[Item]) -> bool:
        """Return whether output comes after the states, by shape: right where that is stated, as of a scan of JAX."""
        *states, last = tensors
        behind = bool(last.output) and not last.final and len(states) == len(self.final)
        return behind and not self.reading.steps and all(one.final and not one.output for one in states)


def _as_step(found: Reading) -> Reading | None:
    """Return the reading of a step: it returns its state, or a result and its state."""
    output, finals = found.output, found.finals
    if found.state is None:  # it keeps its state itself, and gives what it gives
        return replace(found, finals=(None,) * len(finals)) if output is not None else None
    if finals == (None,) and output is not None and output.fits:
        return replace(found, output=None, finals=(Part(output.path, _STATE_OF_STEP[output.axes]),))
    return found if all(finals) else None
