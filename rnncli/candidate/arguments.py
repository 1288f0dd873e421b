"""A function of a cell with gates as an object that holds its weights: its arguments, or globals of its module, in the
shapes their names say.

What each of them is, is then told by the same experiments as that of a module's tensors.
"""

import ast
import itertools
import re
import typing
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor

from rnncli.candidate import docstrings, key_source, number_source, signature, source
from rnncli.candidate.constructor import Constructor
from rnncli.candidate.function import Function
from rnncli.candidate.names import EXACT, TORCHS, Kind, Slot, gates_among, is_second_bias, option, slot
from rnncli.candidate.native import SET, Native, globals_set, option_value
from rnncli.candidate.objects import Object
from rnncli.candidate.syntax import names_in
from rnncli.candidate.told_apart import directions_by_suffix, with_head
from rnncli.candidate.weights import Binding, Missing, StateDict, undotted
from rnncli.core.case import Case, altered
from rnncli.core.shapes import parameter_sizes

Form = Literal["plain", "exchanged", "directions", "onnx", "gates", "bias row", "lists"]
_KINDS: tuple[tuple[Kind, Kind], ...]
_KINDS = (("weight_ih", "weight_hh"), ("weight_hh", "weight_ih"))  # of two matrices, in the order of the arguments
_BEFORE_L = re.compile("(weight|bias)_[ih]h_")  # what `weight_ih_l0` is put together from
_BIAS_OF_N = re.compile(r"(^|[._])(b(ias)?_?h?n|[cd]_?[nh])$")


class Arguments(Object):
    """A function, or a class that is constructed with its weights, in one form of them.

    `exchanged`: its first matrix is the state's. `directions`: each weight has a leading axis for the directions, and
    with `onnx` B has both biases, as ONNX's operators. `gates`: a leading axis for the gates. `bias row`: it takes one
    matrix, of which a row is the bias. `lists`: each of its weights is a list over layers and their directions, or one
    list holds those of all layers.
    """

    def __init__(self, function: Function, form: Form = "plain") -> None:
        Native.__init__(self, function.name, function.target, function.target, function.module, False, function.cell)
        self.target, self.kinds, self.both_biases = function.target, _KINDS[form == "exchanged"], form == "onnx"
        self.stacked, self.lists = form in ("directions", "onnx"), form == "lists"
        self.gates_apart, bias_row = form == "gates", form == "bias row"
        self.of_torch = self.of_class = False
        self.lies_as_told, self.returns_tensors, self.bias_row = not bias_row, function.returns_tensors, bias_row
        self.constructor = Constructor(self.target, self.module, self.cell, [])
        self._objects, self.plans = {}, {}
        self._known_shapes: dict[Any, dict[str, tuple[int, ...]]] = {}
        self._alone = [name for name, meant in self.arguments.items() if isinstance(meant, Slot)]
        self._holders = [name for name, meant in self.arguments.items() if meant == "params"]
        self._for_reverse = [name for name in self._holders if slot(f"w_{name}").reverse]  # beside those for forward
        self._for_reverse = self._for_reverse if 2 * len(self._for_reverse) == len(self._holders) else []
        self._star = function.star
        self._holders += self._star
        self._globals = function.arrays_of_module if not self._alone and not self._holders else []
        self._of_layers = key_source.layers_among(function.target, self._holders)
        self._tell_keys(function)
        self._tell_lists(function.target)
        unkeyed = not self._torch_keys and not self._keys and not any(self._nested.values())
        self.flat = [name for name in self._holders if unkeyed and not (self._listed[name] or self._layered[name])]
        by_place = any(self._listed.values()) or any(self._layered.values()) or bool(self.flat)
        kinds = [*(record for record, _ in self._of_records.values() if record), *self._keyed_layers.values()]
        items = "" if not kinds else "dicts of " if set(kinds) <= {dict, _dict_of_dicts} else "records of "
        self.kind = f"function of a list of {items}weights" if by_place else function.kind
        self.kind = "function of module globals" if self._globals else self.kind
        self._global_sizes = [name for name in function.set_globals if option(name) in SET]
        self.set_globals = (*self._globals, *self._global_sizes)
        held = (self._listed[name] or self._layered[name] or self._keys for name in self._holders)
        self._named_heads = frozenset[str]().union(*map(self._heads, [self._alone, self._globals, *held]))
        self.reads_out = bool(self._named_heads)

    def _tell_keys(self, function: Function) -> None:
        """Tell by which keys weights are taken: torch's own, each gate's, or others."""
        read = [name for layer in self._of_layers.values() for name in layer.read]
        self._strings = strings = read or source.strings_of(function.target, function.module)
        ends = ("", "0", "l0", *(("_l0",) if any(text.startswith("_l") for text in strings) else ()))
        self._exact_keys = any(EXACT.search(text + rest) for text in strings for rest in ends)
        by_number = (slot(text).kind for text in strings if text.endswith("_l") or _BEFORE_L.fullmatch(text))
        self._torch_keys = self._exact_keys or any(by_number) or key_source.ALL_WEIGHTS in strings
        of_states = {key for state in self.states.names for key in key_source.keys_of(function.target, state)}
        taken = {name: key_source.keys_of(function.target, name) for name in self._holders}
        of_gates = {name: [f"{name}.{key}" for key in keys] for name, keys in taken.items() if keys}
        of_all = gates_among(itertools.chain(*of_gates.values()), self.cell) if len(of_gates) > 1 else {}
        self._by_gate = {name: keys for name, keys in of_gates.items() if of_all.keys() >= {*keys}}
        keys = key_source.whole_texts(function.target, self._holders, strings)
        keys = [text for text in keys if key_source.is_key(text) and text not in of_states]
        named = gates_among(keys, self.cell, lacking=True)
        second = [key for key in keys if is_second_bias(key) and any(slot(name).is_bias for name in named)]
        told = {*named, *second, *(key for key in keys if slot(key).kind and key not in self.arguments)}
        self._keys = [key for key in keys if key in told]

    def _tell_lists(self, target: Any) -> None:
        """Tell which arguments are lists, of the weights of one layer or of layers, dicts in dicts, or records."""
        self._layered = {name: key_source.names_of_items(target, name) for name in self._holders}
        self._keyed_layers: dict[str, Callable[..., Any]] = {}  # what holds those of a layer, by name
        of_items: list[tuple[Callable[[Any, str], list[str]], Callable[..., Any]]] = [
            (_keys_of_dicts_in_items, _dict_of_dicts), (key_source.keys_of_items, dict),
            (key_source.attributes_of_items, SimpleNamespace),
        ]  # fmt: skip
        for name, (taken_from, kind) in itertools.product(self._holders, of_items):
            if not self._layered[name] and (keys := taken_from(target, name)):
                self._layered[name], self._keyed_layers[name] = keys, kind
        self._listed = {name: _taken_apart(target, name) for name in self._holders}
        self._nested = {name: _all_keys(target, name) for name in self._holders}
        self._of_records = {name: self._record_of(name) for name in self._holders}
        for name, (record, by_layer) in self._of_records.items():
            if record:
                (self._layered if by_layer else self._listed)[name] = signature.fields_of(record)

    def _record_of(self, name: str) -> tuple[type | None, bool]:
        """Return the dataclass or named tuple that an argument is annotated with, and whether a list of them."""
        said = {p.name: p.annotation for p in signature.parameters_of(self.target)}.get(name)  # none of `**w`
        inside = typing.get_args(said)[:1] or re.findall(r"^(?:typing\.)?(?:[Ll]ist|Sequence)\[(\w+)\]", str(said))
        return signature.record_of(inside[0] if inside else said, self.module), bool(inside)

    def claims(self, name: str) -> bool:
        """Return whether it takes an argument of torch's layer, or a dict of torch's own names that says as much."""
        said = {"bidirectional": "reverse", "proj_size": "weight_hr"}.get(name)
        keyed = any(said in text for text in self._strings) if said else name == "bias"
        if name == "bidirectional" and self._of_reverse(self._alone):
            return True
        if name == "bidirectional" and self.stacked:
            matrices = [one for one in self._alone if not one.lower().startswith("b")]
            if not all(number_source.takes_first_alone(self.target, one) for one in matrices):
                return True
        if name == "num_layers":  # a number is put to the name, or a second layer's stands there
            if self.lists or any(self._layered.values()) or any(layer.layered for layer in self._of_layers.values()):
                return True
            keyed = any(re.search(r"_l([1-9]|$)|^l$", text) for text in self._strings)
        by_names = keyed and bool(self._holders) and self._torch_keys
        return Native.claims(self, name) or by_names or (name == "bias" and bool(self.flat))

    @property
    def holds_all_in_lists(self) -> bool:
        """Return whether lists hold its weights, which may be those of one direction or both."""
        return self.lists or bool(self.flat) or any(self._layered.values())

    def with_another_second_layer(self, made: dict[str, Any]) -> dict[str, Any]:
        """Return its weights, with others for the second layer of those in one list, in torch's order."""

        def other(weights: dict[str, Tensor]) -> dict[str, Tensor]:
            return {name: one + 1.0 if "_l1" in name else one for name, one in weights.items()}

        return made | {name: other(made[name]) for name in self.flat}

    def takes_list(self, name: str) -> bool:
        """Return whether an argument takes its weights as a list, and not by key."""
        return bool(self._listed[name]) or name in self.flat

    described = Native.described

    def bindings(self) -> Iterator[Binding]:
        """Yield arrays or tensors, matrices as torch has them or all transposed, vectors as they are or as columns."""
        turned = (False,) if self.bias_row or (self._holders and self._torch_keys) else (False, True)
        notes = docstrings.notes_on(self.target) if self.stacked else ""
        told = [docstrings.documented_shape(notes, name) for name in self._alone if notes]
        in_columns = (True,) if any(axes[1:2] == ["1"] for axes in told if axes) else (False, True)  # b (D, 1, H)
        for arrays, transposed, columns in itertools.product(self.arrays, turned, in_columns):
            yield Binding(transposed, numpy=arrays, columns=columns)

    def made(
        self, case: Case, dtype: torch.dtype, seed: int = 0, _: int | None = None, device: Any = "cpu"
    ) -> dict[str, Any]:
        """Return its weights by argument, random, in torch's orientation, on the CPU. Raises Missing."""
        del device
        if self._for_reverse and not case.rnn.bidirectional:
            raise Missing(f"weights for {self._for_reverse[0]}: the case has one direction")
        generator, directions = torch.Generator().manual_seed(seed), (case.rnn.directions,) if self.stacked else ()

        def random(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
            return {name: (torch.rand((*directions, *shape), generator=generator, dtype=torch.float64) - 0.5).to(dtype)
                    for name, shape in shapes.items()}  # fmt: skip

        upper, both = altered(case, rnn={"input_size": case.rnn.h_out * case.rnn.directions}), case.rnn.directions
        layers = [*[case] * both, *[upper] * both * (case.rnn.num_layers - 1)]

        def random_lists(names: list[str]) -> dict[str, list[Tensor]]:
            of_layers = [random(self._shapes(names, one)) for one in layers if names]
            return {name: [layer[name] for layer in of_layers] for name in names}

        of_direction = altered(case, rnn={"bidirectional": False}) if self._for_reverse else case
        alone, rest = (self._alone, self._globals) if self.lists else ([], [*self._alone, *self._globals])
        found: dict[str, Any] = {**random_lists(alone), **random(self._shapes(rest, case))}
        by_gate = random(self._shapes([*itertools.chain(*self._by_gate.values())], case)) if self._by_gate else {}
        for name in self._holders:
            if keys := self._by_gate.get(name):
                found[name] = {key.removeprefix(f"{name}."): by_gate[key] for key in keys}
                continue
            if names := self._layered[name]:
                found[name] = [random(self._shapes(names, one)) for one in layers]
                continue
            if self.lists and not self.flat and not self._exact_keys:
                found[name] = random_lists(self._keys)
                continue
            keys = self._listed[name] or self._nested[name] or self._keys
            torchs = self._torch_keys or name in self.flat
            found[name] = random(parameter_sizes(of_direction) if torchs else self._shapes(keys, case))
        return found

    def _shapes(self, names: list[str], case: Case) -> dict[str, tuple[int, ...]]:
        """Return shapes by names: of one gate where there is a name for each, of all where not. Raises Missing."""
        key = (*names, case.rnn)
        if key not in self._known_shapes:
            of_reverse = self._of_reverse(names)
            forward = [name for name in names if name not in of_reverse]
            reverse = self._shapes_of_one(of_reverse, case) if of_reverse else {}
            self._known_shapes[key] = self._shapes_of_one(forward, case) | reverse
        return self._known_shapes[key]

    def _of_reverse(self, names: list[str]) -> list[str]:
        """Return the names of the reverse direction's weights: half of all, of which none names a gate, as r does.

        Of `Wx1` and `Wx2` the second, where the source walks back.
        """
        slots = directions_by_suffix({name: slot(name) for name in names})
        found = [name for name, of in slots.items() if of.reverse]
        first, second = ([name[:-1] for name in names if name.endswith(end)] for end in "12")
        if not found and first and first == second and source.walks_back(self.target):
            found = [name for name in names if name.endswith("2")]
        return found if 2 * len(found) == len(names) and not gates_among(names, self.cell) else []

    def _shapes_of_one(self, names: list[str], case: Case) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the weights of one direction. Raises Missing."""
        rnn, named = case.rnn, gates_among(names, self.cell, lacking=True)
        stems = {name: named[name][0] if name in named else name for name in names}
        biases = {stem for stem in stems.values() if slot(stem).is_bias or stem.strip("_.").lower().startswith("b")}
        biases |= {stem for stem in stems.values() if biases and is_second_bias(stem)}
        heads = self._heads(names)
        matrices = [stem for stem in dict.fromkeys(stems.values()) if stem not in {*biases, *heads}]
        if names and len(matrices) not in (1, 2):
            raise Missing("a matrix for the input and one for h, or both in one, by their names")
        columns = {"weight_ih": rnn.input_size, "weight_hh": rnn.h_out, "weight": rnn.input_size + rnn.h_out}
        if self.bias_row:
            if len(names) != 1 or matrices != list(names):
                raise Missing("one matrix with a row for the bias")
            return {names[0]: (1 + columns["weight"], len(self.cell.gates) * rnn.hidden_size)}
        kinds = dict[str, Any](zip(matrices, self.kinds if len(matrices) == 2 else ("weight",), strict=False))
        if len(matrices) == 2 and (all(map(TORCHS.search, matrices)) or all("." in name for name in matrices)):
            told = {name: slot(name).kind for name in matrices}
            kinds = told if {*told.values()} == {*_KINDS[0]} else kinds
        shapes: dict[str, tuple[int, ...]] = {}
        for name, stem in stems.items():
            rows = rnn.hidden_size * (1 if named else len(self.cell.gates))  # b_hn beside biases of all gates too
            rows *= 2 if self.both_biases and stem in biases else 1
            rows = rnn.h_out if name in heads else rows
            if self.cell.reset and len(biases) > 1 and _BIAS_OF_N.search(stem.lower()):  # beside one of all gates
                rows = rnn.hidden_size
            if stem in biases:
                shapes[name] = (2, rows) if number_source.takes_two_rows(self.target, name) else (rows,)
            else:
                shapes[name] = rows, columns[kinds[stem]] if stem in kinds else rnn.h_out
        return {name: self._laid_apart(shape, rnn.hidden_size) for name, shape in shapes.items()}

    def _laid_apart(self, shape: tuple[int, ...], units: int) -> tuple[int, ...]:
        """Return a shape of which the rows of all gates are an axis of gates and one of units, in that form."""
        gates = len(self.cell.gates)
        apart = {(2, gates * units): (2, gates, units), (gates * units, *shape[1:]): (gates, units, *shape[1:])}
        return apart.get(shape, shape) if self.gates_apart else shape

    def _heads(self, names: Iterable[str]) -> set[str]:
        """Return the names of weights after the recurrence."""
        named = gates_among(names, self.cell, lacking=True)
        slots = {name: slot(name) for name in names if name not in named}
        of_gates = {kind: Slot(kind, None, False) for kind in _KINDS[0]} if named else {}
        told = with_head(slots | of_gates)
        return {name for name in slots if told[name].kind == "readout"}

    turned = False  # as the last call gave its matrices

    def run(self, made: Any, x: Any, state: Any, case: Case, binding: Binding) -> Any:
        """Return what the function returns with these weights."""

        device = x.device if isinstance(x, Tensor) else None

        def laid_out(value: Any, name: str = "") -> Any:
            both_biases = slot(name).is_bias or name.lower().startswith("b")  # in two rows, which lie as they are
            rank = len(value.shape) - (self.stacked or self.gates_apart)
            if rank == 2 and binding.transposed and not both_biases:
                value = value.swapaxes(-1, -2)
            elif rank == 1 and binding.columns:
                value = value.reshape(len(value), 1, -1) if self.stacked else value.reshape(-1, 1)
            value = value * self.head_scale if name in self._named_heads else value
            value = value.to(device) if device and isinstance(value, Tensor) else value  # an idle head is unset
            given = binding.value(value)
            self.watch(name, given)
            return given

        def of_all_layers(value: Any, name: str) -> Any:
            return [laid_out(one, name) for one in value] if isinstance(value, list) else laid_out(value, name)

        self.turned, given = binding.transposed, dict[str, Any]()
        for name, meant in (self.arguments | dict.fromkeys(self._star, "params")).items():
            if self.omits(name, case):
                continue
            if name in self._alone:
                given[name] = of_all_layers(made[name], name)
            elif name in self._holders and self._layered[name]:
                layers = [{key: laid_out(value) for key, value in one.items()} for one in made[name]]
                record = self._of_records[name][0] or self._keyed_layers.get(name)
                given[name] = [record(**one) if record else tuple(one.values()) for one in layers]
                if prefix := key_source.prefix_of_keys(self.target, name):
                    first = key_source.first_number_of_keys(self.target, name)
                    given[name] = {f"{prefix}{number}": one for number, one in enumerate(given[name], first)}
            elif name in self._holders:
                weights = {key: of_all_layers(value, key) for key, value in made[name].items()}
                record = self._of_records[name][0]
                if record:
                    given[name] = record(**weights)
                elif name in self._of_layers:
                    given[name] = self._of_layers[name].holding(case.rnn.arguments, weights)
                elif self._nested[name]:
                    given[name] = undotted(weights)
                else:
                    given[name] = list(weights.values()) if self.takes_list(name) else StateDict(weights)
            elif isinstance(meant, str):
                given |= self.given(name, meant, x, state, case, binding)
        replaced = {name: laid_out(made[name]) for name in self._globals}
        replaced |= {name: option_value(option(name) or "", case) for name in self._global_sizes}
        with globals_set(self.module, replaced):
            return self.unpacked(signature.called(self.target, given), x, case)


def _all_keys(target: Any, name: str) -> list[str]:
    """Return the keys of a dict that holds dicts, `i.kernel`, and those of what stands beside them, `bn`; else none."""
    return _with_those_beside(key_source.dotted_keys(target, name), key_source.keys_of(target, name))


def _keys_of_dicts_in_items(target: Any, name: str) -> list[str]:
    """Return the keys of a list whose items hold dicts, as those of a dict that holds dicts."""
    inside = key_source.dotted_keys(target, name, of_items=True)
    return _with_those_beside(inside, key_source.keys_of_items(target, name))


def _with_those_beside(inside: list[str], outside: list[str]) -> list[str]:
    """Return keys of dicts in a dict with the keys of weights that stand beside them; none without the former."""
    outer = {key.partition(".")[0] for key in inside}
    beside = [key for key in outside if key not in outer and slot(key).kind]
    return [*inside, *beside] if inside else []


def _dict_of_dicts(**weights: Any) -> dict[str, Any]:
    return undotted(weights)


def _taken_apart(target: Any, name: str) -> list[str]:
    """Return the names under which the source takes a list of weights apart: `W_xi, W_hi, b_i = params`."""
    for node in source.nodes_of(target):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id == name:
            for one in node.targets:
                if names := names_in(one):
                    return names
    return []
