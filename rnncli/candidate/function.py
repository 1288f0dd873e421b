"""A candidate that is a function: tensors, a dict or lists of them as arguments, or in the globals of its module."""

import functools
import inspect
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from rnncli.candidate import docstrings, key_source, meanings, number_source, signature, source
from rnncli.candidate.names import Kind, Slot, option, role, slot
from rnncli.candidate.native import SET, Native, globals_set, option_value
from rnncli.candidate.places import is_array
from rnncli.candidate.told_apart import told_apart
from rnncli.candidate.weights import (
    KINDS,
    Binding,
    Group,
    Keyed,
    Missing,
    Row,
    Weight,
    filled,
    placed,
    undotted,
    without_a_place,
)
from rnncli.core.case import Case
from rnncli.core.cells import Cell
from rnncli.core.shapes import predict_parameters

_OF_TORCH = re.compile(r"(weight|bias)_[ih]h_(l|$)")
_A_LAYERS = re.compile(rf"(weight|bias)_[ih]h(_l|_?$)|{key_source.ALL_WEIGHTS}$")
_FORMS = ("dict", "tuples", "flat", "tuple", "triple", "triples", "with head", "numbered")


class Function(Native):
    """A function of an input, a state and its weights, in whatever order and form it takes them."""

    def __init__(self, name: str, function: Callable[..., Any], module: Any, cell: Cell) -> None:
        super().__init__(name, function, function, module, False, cell)
        self.target = function
        self._globals = source.globals_of(function, module)
        self.calls_a_layer = any(isinstance(value, nn.RNNBase) for value in self._globals.values())
        self._tell_places()
        self._tell_keys()
        self._tell_torchs_keys()
        self._tell_weights()
        self.kind = self._kind_in_words()
        self.set_globals = tuple(
            name for name, value in self._globals.items() if not isinstance(value, int | str) or option(name) in SET
        )
        self._orders = self._told_by_order()
        self._cache: dict[Any, dict[str, Any]] = {}

    def _tell_places(self) -> None:
        """Tell which arguments and globals are weights, and which arguments hold some: dicts, lists, layers, `*w`."""
        arrays = {name: slot(name) for name in self.arrays_of_module}
        self._global_slots = told_apart(arrays)
        self._arguments = meanings.weights_among(self.arguments)
        self._slots = [of for of in (*self._arguments.values(), *self._global_slots.values()) if of.kind]
        self._holders = [name for name, meant in self.arguments.items() if meant == "params"]
        parts = {name: [*map(slot, key_source.names_of_items(self.target, name))] for name in self._holders}
        self._parts = {name: told for name, told in parts.items() if told and len({of.kind for of in told}) == len(told)
                       and {of.kind for of in told} <= {*KINDS, "bias"}}  # fmt: skip
        star = signature.starred(self.target) or ""
        told = bool(self._arguments)  # by the function that it hands them on to
        self.star = [star] if role(star) == "params" and not told else []
        layers = key_source.layers_among(self.target, self._holders)
        self._of_layers = {name: layer for name, layer in layers.items() if any(map(_A_LAYERS.match, layer.read))}
        read = [name for layer in self._of_layers.values() for name in layer.read]
        self._strings = [*source.strings_of(self.target, self.module), *read]

    def _tell_keys(self) -> None:
        """Tell which keys of dicts, and of dicts inside, and which fields of records are weights."""
        self._computes_keys = any(key_source.keyed_arguments(self.target).values())
        texts = key_source.whole_texts(self.target, self._holders, self._strings)
        of_keys = {key: slot(key) for key in texts if key_source.is_key(key) and slot(key).kind}
        heads = [key for key, of in of_keys.items() if of.kind == "readout"]
        of_keys |= {"c": of_keys["V"]} if "c" in texts and heads == ["V"] else {}  # o = c + V h
        by_holder = {name: key_source.dotted_keys(self.target, name) for name in self._holders}
        self._nested = {name: keys for name, keys in by_holder.items() if keys}
        nested = {key: slot(key) for keys in self._nested.values() for key in keys}
        self._keys = told_apart(nested) or told_apart(of_keys)
        self._records = dict(self._records_of_weights())
        for _, fields in self._records.values():
            self._keys |= fields

    def _tell_torchs_keys(self) -> None:
        """Tell whether its weights stand under torch's own names, of one direction or of both."""
        self._reverse_keys = any("reverse" in text for text in self._strings)
        self.asks_for_directions = Native.claims(self, "bidirectional") or self._reverse_keys
        of_cell = any(re.fullmatch(r"(weight|bias)_[ih]h", key) for key in self._strings)
        notes = inspect.getdoc(self.target) or ""
        of_rnn = "_l" in self._strings or bool(re.search(r"nn\.RNN(?!Cell)", notes))
        exact = key_source.ALL_WEIGHTS in self._strings or any(_OF_TORCH.match(key) for key in self._strings)
        self._torch_keys = exact or (of_cell and of_rnn)
        self.returns_tensors = self.returns_tensors or self._torch_keys or self.calls_a_layer

    def _tell_weights(self) -> None:
        """Tell what its weights are by their names: of how many layers, of which direction, with one bias or two."""
        every = [*self._slots, *self._keys.values()]
        self.reads_out, self.joined = (any(of.kind == kind for of in every) for kind in ("readout", "weight"))
        self.layers = len({of.layer for of in every if of.layer is not None}) or 1
        self._reverse = any(of.reverse for of in self._slots)
        biases = {of.kind for of in every if of.is_bias and not of.layer and not of.reverse}
        rows = [name for name in self._arguments if number_source.takes_two_rows(self.target, name)]
        self._two_rows = rows if all(self._arguments[name].is_bias for name in rows) else []  # else lists of layers
        self._one_of_two = len(biases) == 1 and not self._two_rows
        self.one_bias = self._one_of_two and not self._torch_keys

    def _kind_in_words(self) -> str:
        if self._slots:
            return "function of positional tensors"
        if self._globals and not self._holders:
            return "function of module globals"
        return "function of a layer's weights" if self._of_layers else "function of a {holder} of weights"

    @property
    def arrays_of_module(self) -> list[str]:
        """Return the names of the module's tensors and arrays that it reads."""
        return [name for name, value in self._globals.items() if is_array(value)]

    def _records_of_weights(self) -> Iterator[tuple[str, tuple[Any, dict[str, Slot]]]]:
        """Yield the arguments annotated with a dataclass or a named tuple of weights, and the fields that are."""
        for parameter in signature.parameters_of(self.target):
            record = signature.record_of(parameter.annotation, self.module)
            if record and parameter.name in self._holders:
                slots = {field: slot(field) for field in signature.fields_of(record) if slot(field).kind}
                yield parameter.name, (record, told_apart(slots))

    def _told_by_order(self) -> list[dict[str, Slot]]:
        """Return the ways to tell weights apart whose names do not: as told, and with the two matrices exchanged."""
        slots = self._arguments or self._keys
        other: dict[Kind | None, Kind] = {"weight_ih": "weight_hh", "weight_hh": "weight_ih"}
        bare = {name: re.sub(r"_?(f|b|fw|bw|fwd|bwd|r|l\d*)$", "", name.lower()) or name.lower() for name in slots}
        weak = {name: other[of.kind] for name, of in slots.items()
                if of.kind in other and re.fullmatch("[wuvabk][0-9]?", bare[name])}  # fmt: skip
        exchanged = slots | {name: slots[name]._replace(kind=kind) for name, kind in weak.items()}
        return [slots, exchanged] if len(set(weak.values())) == 2 else [slots]

    @property
    def stacks_directions(self) -> bool:
        """Return whether its weights may have an axis of directions: it takes one apart, or documents three axes."""
        notes = docstrings.notes_on(self.target)
        shapes = [docstrings.documented_shape(notes, name) for name in self._arguments]
        return any(len(shape) == 3 for shape in shapes if shape) or any(
            number_source.takes_by_number(self.target, name) for name in self._arguments
        )

    @property
    def has_axis_of_gates(self) -> bool:
        """Return whether a weight has an axis of gates: it is documented, `W (4, H, I)`, or taken apart by number."""
        gates, notes = len(self.cell.gates), docstrings.notes_on(self.target)
        documented = (docstrings.documented_shape(notes, name) for name in self._arguments)
        told = any(axes and axes[0] == str(gates) and len(axes) == 3 for axes in documented)
        return told or number_source.takes_part(self.target, self._arguments, self._holders, gates - 1)

    @property
    def takes_dicts_in_items(self) -> bool:
        """Return whether it takes a list over layers of dicts that hold dicts."""
        return any(key_source.dotted_keys(self.target, name, of_items=True) for name in self._holders)

    @property
    def takes_lists(self) -> bool:
        """Return whether it takes each of its weights, in an argument or under keys, apart by number."""
        by_key = (key_source.takes_keys_by_number, key_source.puts_numbers_to_keys)
        if any(takes(self.target, name) for name in self._holders for takes in by_key):
            return True
        return any(number_source.takes_by_number(self.target, name, behind=True) for name in self._arguments)

    def claims(self, name: str) -> bool:
        """Return whether it takes an argument of nn.RNN, or weights that say as much: of a layer, of a direction."""
        if name == "bidirectional" and (self._reverse or len(self._holders) == 2 or self._reverse_keys):
            return True
        if name == "num_layers":
            layers = {of.layer for of in self._slots if of.kind == "weight_ih"}
            by_key = any(_OF_TORCH.fullmatch(text) or re.search(r"_l[1-9]", text) for text in self._strings)
            by_global = any(option(key) == "num_layers" for key in self._globals)
            of_layer = any(layer.layered for layer in self._of_layers.values())
            return bool(self.star) or len(layers) > 1 or by_key or by_global or of_layer or super().claims(name)
        return super().claims(name)

    def bindings(self) -> Iterator[Binding]:
        """Yield the ways to give it weights, with one orientation for all matrices: to turn one alone is wrong."""
        joined = (False, True) if any(of.kind == "weight" for of in self._slots) else (False,)
        listed = (False, True) if self._slots else (False,)
        named = bool(self._torch_keys or self._nested or self._of_layers or self._records)
        forms: tuple[str, ...] = _FORMS if self._holders and not named else ("dict",)
        forms = ("flat", "triple") if self.star else forms
        says_torch = any(re.match(r"(weight|bias)_[ih]h", name) for name in self.arguments)
        turned, orders = (False,) if says_torch else (False, True), range(len(self._orders))
        first = (0, 1) if self._computes_keys and not self._torch_keys else (0,)
        every = itertools.product(first, self.arrays, listed, forms, orders, turned, joined, (False, True))
        for number, arrays, lists, form, order, transposed, state_first, columns in every:
            yield Binding(transposed, state_first, arrays, columns, lists, form, order, number)

    def call(self, x: Any, state: Any, params: Mapping[str, Tensor], case: Case, binding: Binding) -> Any:
        """Return what it returns for values that are laid out as it is read."""

        def fill(weight: Weight) -> Any:
            value = weight.value(params, self.head_scale)
            given = binding.value(value.unsqueeze(1) if binding.columns and value.dim() == 1 else value)
            self.watch(str(weight), given)
            return given

        held, given = self._held(case, binding), dict[str, Any]()
        for name, meant in self.arguments.items():
            if self.omits(name, case):
                continue
            if name in held:
                given[name] = filled(held[name], fill)
                if name in self._records:
                    given[name] = self._records[name][0](**given[name])
                if name in self._of_layers:
                    given[name] = self._of_layers[name].holding(case.rnn.arguments, given[name])
            elif meant == "projected":  # the input's products with weight_ih, with both biases
                weight = Weight("weight_ih", transposed=binding.transposed).value(params)
                weight = weight.T if weight.shape[-1] == x.shape[-1] else weight
                given[name] = binding.value(x @ weight + Weight("bias").value(params))
            elif isinstance(meant, str):
                given |= self.given(name, meant, x, state, case, binding)
        replaced = {}
        for name in self.set_globals:
            value, of_global = self._globals[name], held.get(f"global {name}")
            if isinstance(value, nn.RNNBase):
                replaced[name] = rnn_with(case, params)
            elif isinstance(value, int | str):
                replaced[name] = option_value(option(name) or "", case)
            elif of_global is not None:
                replaced[name] = filled(of_global, fill)
        with globals_set(self.module, replaced):
            given |= {name: filled(held[name], fill) for name in self.star}
            return self.unpacked(signature.called(self.target, given), x, case)

    def wiring(self, case: Case, binding: Binding) -> tuple[Row, ...]:
        """Return each weight of the function by its place, what it was given, and why."""
        found = self._placed(case, binding)
        known = {name for _, weight in found for name in weight.parameters}
        products = [name for name, meant in self.arguments.items() if meant == "projected"]
        text, why = "x @ weight_ih_l0.T + bias_ih_l0 + bias_hh_l0", "its name"
        known |= {"weight_ih_l0", "bias_ih_l0", "bias_hh_l0"} if products else set()
        missing = [] if self._computes_keys else [one.name for one in predict_parameters(case) if one.name not in known]
        rows = [*((name, text, why) for name in products), *((name, str(one), one.evidence) for name, one in found)]
        return (*rows, *without_a_place(missing))

    def heads(self, case: Case, binding: Binding) -> list[str]:
        """Return the places of the weights that are taken for those of a head, and set to the identity."""
        return [place for place, weight in self._placed(case, binding) if weight.kind == "readout"]

    # -- which weight is where -----------------------------------------------------------------------------------------

    def _placed(self, case: Case, binding: Binding) -> list[tuple[str, Weight]]:
        found: list[tuple[str, Weight]] = []
        for name, held in self._held(case, binding).items():
            place = name.removeprefix("global ")
            by_attribute = isinstance(self._globals.get(place), nn.RNNBase)
            found += [(f"{place}.{key}", one) for key, one in held.items()] if by_attribute else placed(place, held)
        return found

    def _held(self, case: Case, binding: Binding) -> dict[str, Any]:
        """Return the weights of each argument that holds some, and of each global under `global NAME`."""
        key = (case.rnn, binding)
        if key not in self._cache:
            self._cache[key] = dict(self._found(case, binding))
        return self._cache[key]

    def weights_of(self, case: Case, binding: Binding) -> dict[str, Weight]:
        """Return the weight of each argument that is given one alone."""
        return {name: one for name, one in self._found(case, binding) if isinstance(one, Weight)}

    def _found(self, case: Case, binding: Binding) -> Iterator[tuple[str, Any]]:
        for name in self._arguments:
            of = self._orders[binding.order][name]
            if not of.is_bias or case.rnn.bias or self.defaults.get(name, "") is not None:
                yield name, self._weights(name, of, case, binding)
        for name in [*self._holders, *self.star]:
            yield name, self._collection(name, case, binding)
        for name in self.set_globals:
            value, of = self._globals[name], self._global_slots.get(name, slot(name))
            if isinstance(value, dict | nn.RNNBase):
                held = self._dict(case, binding) if isinstance(value, dict) else self._torch_dict(case, Binding())
                yield f"global {name}", held
            elif of.kind is not None and not isinstance(value, int | str):
                listed = replace(binding, listed=isinstance(value, list | tuple) or binding.listed)
                yield f"global {name}", self._weights(name, of, case, listed)

    def _weight(self, name: Any, of: Slot, binding: Binding, evidence: str) -> Weight:
        vector, turned = str(name).lower()[:1] in ("b", "c"), binding.transposed and of.kind != "readout"
        return Weight(
            of.kind or "", of.layer or 0, of.reverse, turned, binding.state_first, self._one_of_two, vector, evidence
        )

    def _weights(self, name: str, of: Slot, case: Case, binding: Binding) -> Any:
        """Return the weight of an argument, or those of all layers and directions."""
        why, several = "its name and its shape", case.rnn.num_layers > 1
        if name in self._two_rows and not binding.listed:
            both: tuple[Kind, ...] = ("bias_ih", "bias_hh")
            return [self._weight(name, of._replace(kind=kind), binding, why) for kind in both]
        if not binding.listed or of.layer is not None or of.kind == "readout":
            return self._weight(name, of._replace(layer=of.layer if several else 0), binding, why)
        sides = (of.reverse,) if self._reverse else (False, True)[: case.rnn.directions]
        places = itertools.product(range(case.rnn.num_layers), sides)
        return [self._weight(name, of._replace(layer=layer, reverse=side), binding, why) for layer, side in places]

    def _collection(self, name: str, case: Case, binding: Binding) -> Any:
        """Return all weights in one argument, or those of one direction. Raises Missing for a form of one layer."""
        form, why = binding.form, "its place in nn.RNN's order"
        if name in self._records and form == "dict":
            fields = self._records[name][1]
            return {field: self._weight(field, of, binding, "its name") for field, of in fields.items()}
        if form == "dict" and name in self._nested:
            return undotted({key: self._of_key(key, binding) for key in self._nested[name]})
        if form == "dict":
            return self._dict(case, binding)
        sides = (slot(f"w_{name}").reverse,) if len(self._holders) == 2 else (False, True)[: case.rnn.directions]
        kinds: tuple[Kind, ...] = ("weight_ih", "weight_hh", "bias")
        if form in ("flat", "tuple", "tuples", "numbered"):
            kinds = KINDS if case.rnn.bias else KINDS[:2]
        if form in ("tuples", "triples") and (parts := self._parts.get(name)):  # as they are taken apart
            kinds = tuple(of.kind for of in parts if of.kind and (form == "triples" or case.rnn.bias or not of.is_bias))
            why = "the name it is given"
        groups = []
        for layer, side in itertools.product(range(case.rnn.num_layers), sides):
            group = Group(self._weight("", Slot(kind, layer, side), binding, why) for kind in kinds)
            group.find = functools.partial(self._of_group, layer, side, binding)
            groups.append(group)
        if form in ("tuples", "triples"):
            return groups
        if form == "numbered":
            prefix = key_source.prefix_of_keys(self.target, name)
            numbers = range(binding.first, binding.first + len(groups))
            return {
                f"{prefix}{number}" if prefix else number: group for number, group in zip(numbers, groups, strict=True)
            }
        if form == "flat":
            return [weight for group in groups for weight in group]
        if len(groups) != 1:
            raise Missing("a place for all layers: a tuple holds the weights of one")
        head = [self._weight(end, Slot("readout", 0, False), binding, why) for end in "wb"]
        return [*groups[0], *head] if form == "with head" else groups[0]

    def _of_group(self, layer: int, side: bool, binding: Binding, key: str) -> Weight:
        of = self._orders[binding.order].get(key, self._keys.get(key, slot(key)))
        of = of if of.layer in (None, layer) else Slot(None, None, False)
        return self._weight(key, of._replace(layer=layer, reverse=side), binding, "its key")

    def _of_key(self, key: str, binding: Binding) -> Weight:
        of = self._orders[binding.order].get(key, self._keys[key])
        return self._weight(key.rpartition(".")[2], of, binding, "its key")

    def _dict(self, case: Case, binding: Binding) -> Any:
        if self._torch_keys or not self._keys:
            return self._torch_dict(case, binding)
        keys = self._orders[binding.order] if set(self._orders[0]) == set(self._keys) else self._keys

        def find(key: Any) -> Weight:
            parts = sorted(key, key=lambda part: isinstance(part, int)) if isinstance(key, tuple) else [key]
            text = "_".join(map(str, parts))
            of = slot(text) if any(text.startswith(one) for one in keys) else Slot(None, None, False)
            return self._weight(text, of._replace(layer=(of.layer or 0) - binding.first), binding, "its key")

        return Keyed({key: self._weight(key, of, binding, "its key") for key, of in keys.items()}, find)

    def _torch_dict(self, case: Case, binding: Binding) -> dict[str, Weight]:
        """Return the weights under nn.RNN's own names; of two biases neither is the sum."""
        return {one.name: Weight.named(one.name, binding.transposed) for one in predict_parameters(case)}


def rnn_of(case: Case, target: type[nn.RNNBase] | None = None) -> nn.RNNBase:
    """Return torch's layer, or a class with its constructor, for the arguments of a case."""
    given, layer = case.rnn.arguments, target or getattr(nn, case.rnn.cell)
    sizes = given.pop("input_size"), given.pop("hidden_size")
    if issubclass(layer, nn.RNNCellBase):
        given = {name: value for name, value in given.items() if name in ("bias", "nonlinearity")}
    made: nn.RNNBase = layer(*sizes, **given)
    return made


def rnn_with(case: Case, params: Mapping[str, Tensor]) -> nn.RNNBase:
    """Return torch's layer with these tensors as weights: by attribute, parameters(), all_weights, state_dict()."""
    made = rnn_of(case)
    for name in list(made._parameters):
        made._parameters[name] = params[name]  # type: ignore[assignment]  # a tensor: a gradient passes
    made._flat_weights = [params[name] for name in made._flat_weights_names]
    made.state_dict = lambda *_, **__: dict(params)  # type: ignore[assignment,method-assign]
    return made.train(case.run.train)
