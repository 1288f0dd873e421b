"""A candidate that is a function: tensors, a dict or lists of them as arguments, or in the globals of its module."""

import inspect
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from rnncli.candidate import signature, source
from rnncli.candidate.names import Kind, Slot, option, role, slot
from rnncli.candidate.native import SET, Native, globals_set, option_value
from rnncli.candidate.places import is_array
from rnncli.candidate.weights import KINDS, Binding, Group, Keyed, Missing, Row, Weight, filled, rows
from rnncli.core.case import Case
from rnncli.core.shapes import predict_parameters

_OF_TORCH = re.compile(r"(weight|bias)_[ih]h_l")
_FORMS = ("dict", "tuples", "flat", "tuple", "triple", "triples", "with head")


class Function(Native):
    """A function of an input, a state and its weights, in whatever order and form it takes them."""

    def __init__(self, name: str, function: Callable[..., Any], module: Any) -> None:
        super().__init__(name, function, function, module, holds_weights=False)
        self.target = function
        self._globals = source.globals_of(function, module)
        arrays = {name: slot(name) for name, value in self._globals.items() if is_array(value)}
        self._global_slots = signature.told_apart(arrays)
        self._arguments = signature.weights_among(self.arguments)
        self._slots = [of for of in (*self._arguments.values(), *self._global_slots.values()) if of.kind]
        self._strings = source.strings_of(function, module)
        keys = {key: slot(key) for key in self._strings if key.isidentifier() and slot(key).kind}
        self._keys = signature.told_apart(keys)
        of_first = [of for of in (*self._slots, *self._keys.values()) if not of.layer and not of.reverse]
        self._one_of_two = len({of.kind for of in of_first if (of.kind or "").startswith("bias")}) == 1
        self._reverse = any(of.reverse for of in self._slots)
        self._holders = [name for name, meant in self.arguments.items() if meant == "params"]
        star = signature.starred(function)
        self._star = star if star and role(star) == "params" else None
        self._orders = self._told_by_order()
        self._cache: dict[Any, dict[str, Any]] = {}
        self.head_scale = 1.0  # of weights after the recurrence, which are the identity
        kinds = {of.kind for of in [*self._slots, *self._keys.values()]}
        self.reads_out, self.joined = "readout" in kinds, "weight" in kinds
        self._reverse_keys = any("reverse" in text for text in self._strings)
        self.asks_for_directions = Native.claims(self, "bidirectional") or self._reverse_keys
        of_cell = any(re.fullmatch(r"(weight|bias)_[ih]h", key) for key in self._strings)
        of_rnn = "_l" in self._strings or bool(re.search(r"nn\.RNN(?!Cell)", inspect.getdoc(function) or ""))
        self._torch_keys = any(_OF_TORCH.match(key) for key in self._strings) or (of_cell and of_rnn)
        self.one_bias = self._one_of_two and not self._torch_keys
        by_rnn = any(isinstance(value, nn.RNN) for value in self._globals.values())
        self.returns_tensors = self.returns_tensors or self._torch_keys or by_rnn
        self.kind = "function of positional tensors" if self._slots else "function of a dict of weights"
        if self._globals and not self._slots and not self._holders:
            self.kind = "function of module globals"
        self.set_globals = tuple(
            name for name, value in self._globals.items() if not isinstance(value, int | str) or option(name) in SET
        )

    def _told_by_order(self) -> list[dict[str, Slot]]:
        """Return the ways to tell weights apart whose names do not: as told, and with the two matrices exchanged."""
        slots = self._arguments or self._keys
        other: dict[Kind | None, Kind] = {"weight_ih": "weight_hh", "weight_hh": "weight_ih"}
        weak = {name: other[of.kind] for name, of in slots.items()
                if of.kind in other and re.fullmatch("[wuvabk][0-9]?", _without_direction(name))}  # fmt: skip
        if len(set(weak.values())) < 2:
            return [slots]
        return [slots, slots | {name: slots[name]._replace(kind=kind) for name, kind in weak.items()}]

    def claims(self, name: str) -> bool:
        """Return whether it takes an argument of nn.RNN, or weights that say as much: of a layer, of a direction."""
        if super().claims(name):
            return True
        if name == "bidirectional":
            return self._reverse or len(self._holders) == 2 or self._reverse_keys
        if name == "num_layers":
            layers = {of.layer for of in self._slots if of.kind == "weight_ih"}
            by_key = any(_OF_TORCH.fullmatch(text) or re.search(r"_l[1-9]", text) for text in self._strings)
            by_global = any(option(name) == "num_layers" for name in self._globals)
            return bool(self._star) or len(layers) > 1 or by_key or by_global
        return False

    def bindings(self) -> Iterator[Binding]:
        """Yield one orientation for all matrices: a function that turns one of them alone is wrong."""
        joined = (False, True) if any(of.kind == "weight" for of in self._slots) else (False,)
        listed = (False, True) if self._slots else (False,)
        forms: tuple[str, ...] = _FORMS if self._holders and not self._torch_keys else ("dict",)
        forms = ("flat", "triple") if self._star else forms
        says_torch = any(re.match(r"(weight|bias)_[ih]h", name) for name in self.arguments)
        turned = (False,) if says_torch else (False, True)
        for arrays, lists, form, order, transposed, state_first, columns in itertools.product(
            self.arrays, listed, forms, range(len(self._orders)), turned, joined, (False, True)
        ):
            yield Binding(transposed, state_first, arrays, columns, lists, form, order)

    def described(self) -> str:
        """Return what was seen of it."""
        return f"its arguments are {', '.join(self.arguments) or 'none'}"

    def call(self, x: Any, state: Any, params: Mapping[str, Tensor], case: Case, binding: Binding) -> Any:
        def fill(weight: Weight) -> Any:
            value = weight.value(params, self.head_scale)
            return binding.value(value.unsqueeze(1) if binding.columns and value.dim() == 1 else value)

        held, given = self._held(case, binding), dict[str, Any]()
        for name, meant in self.arguments.items():
            if name in held:
                given[name] = filled(held[name], fill)
            elif meant == "projected":
                given[name] = binding.value(_projected(x, params, binding))
            elif isinstance(meant, str):
                given |= self.given(name, meant, x, state, case, binding)
        of_globals = {name: held.get(f"global {name}") for name in self.set_globals}
        replaced = {name: self._global(name, params, case, one, fill) for name, one in of_globals.items()}
        with globals_set(self.module, replaced):
            if self._star:
                return self.target(*given.values(), *filled(held[self._star], fill))
            return signature.called(self.target, given)

    def _global(self, name: str, params: Mapping[str, Tensor], case: Case, held: Any, fill: Any) -> Any:
        value, meant = self._globals[name], option(name)
        if isinstance(value, nn.RNN):
            return rnn_with(case, params)
        if isinstance(value, int | str):
            return option_value(meant or "", case)
        return value if held is None else filled(held, fill)

    # -- which weight is where -----------------------------------------------------------------------------------------

    def _held(self, case: Case, binding: Binding) -> dict[str, Any]:
        """Return the weights of each argument that holds some, and of each global under `global NAME`."""
        key = (case.rnn, binding)
        if key not in self._cache:
            self._cache[key] = {name: held for name, held in self._found(case, binding) if held is not None}
        return self._cache[key]

    def _found(self, case: Case, binding: Binding) -> Iterator[tuple[str, Any]]:
        for name in self._arguments:
            of = self._orders[binding.order][name]
            no_bias = (of.kind or "").startswith("bias") and not case.rnn.bias
            left_out = no_bias and self.defaults.get(name, "") is None
            yield name, None if left_out else self._weights(name, of, case, binding)
        for name in [*self._holders, *([self._star] if self._star else [])]:
            yield name, self._collection(name, case, binding)
        for name in self.set_globals:
            value, of = self._globals[name], self._global_slots.get(name, slot(name))
            if isinstance(value, dict):
                yield f"global {name}", self._dict(case, binding)
            elif isinstance(value, nn.RNN):
                yield f"global {name}", self._torch_dict(case, Binding())
            elif of.kind is not None and not isinstance(value, int | str):
                listed = replace(binding, listed=isinstance(value, list | tuple) or binding.listed)
                yield f"global {name}", self._weights(name, of, case, listed)

    def _weight(self, name: Any, of: Slot, binding: Binding, evidence: str) -> Weight:
        kind, vector = of.kind or "", str(name).lower().startswith("b")
        return Weight(kind, of.layer or 0, of.reverse, binding.transposed and kind != "readout", binding.state_first,
                      self._one_of_two, vector, evidence)  # fmt: skip

    def _weights(self, name: str, of: Slot, case: Case, binding: Binding) -> Any:
        """Return the weight of an argument, or those of all layers and directions."""
        why = "its name and its shape"
        if not binding.listed or of.layer is not None or of.kind == "readout":
            return self._weight(name, of._replace(layer=of.layer if case.rnn.num_layers > 1 else 0), binding, why)
        sides = (of.reverse,) if self._reverse else (False, True)[: case.rnn.directions]
        places = itertools.product(range(case.rnn.num_layers), sides)
        return [self._weight(name, of._replace(layer=layer, reverse=side), binding, why) for layer, side in places]

    def _collection(self, name: str, case: Case, binding: Binding) -> Any:
        """Return all weights in one argument, or those of one direction. Raises Missing for a form of one layer."""
        form, rnn = binding.form, case.rnn
        if form == "dict":
            return self._dict(case, binding)
        sides = (slot(f"w_{name}").reverse,) if len(self._holders) == 2 else (False, True)[: rnn.directions]
        kinds: tuple[Kind, ...] = ("weight_ih", "weight_hh", "bias")
        if form in ("flat", "tuple", "tuples"):
            kinds = KINDS if rnn.bias else KINDS[:2]
        groups = []
        for layer, side in itertools.product(range(rnn.num_layers), sides):
            why = "its place in nn.RNN's order"
            group = Group(self._weight("", Slot(kind, layer, side), binding, why) for kind in kinds)
            group.find = lambda key, layer=layer, side=side: self._by_name(  # type: ignore[misc]
                key, self._keys.get(key, slot(key))._replace(layer=layer, reverse=side), binding
            )
            groups.append(group)
        if form in ("tuples", "triples"):
            return groups
        if form == "flat":
            return [weight for group in groups for weight in group]
        if len(groups) != 1:
            raise Missing("a tuple holds the weights of one layer")
        if form == "with head":
            return [*groups[0], *(self._weight(end, Slot("readout", 0, False), binding, "its place") for end in "wb")]
        return groups[0]

    def _dict(self, case: Case, binding: Binding) -> Any:
        if self._torch_keys or not self._keys:
            return self._torch_dict(case, binding)
        keys = self._orders[binding.order] if set(self._orders[0]) == set(self._keys) else self._keys

        def find(key: Any) -> Weight:
            text = "_".join(map(str, key)) if isinstance(key, tuple) else str(key)
            if not any(text.startswith(known) for known in keys):
                raise KeyError(key)
            return self._by_name(text, slot(text), binding)

        return Keyed({key: self._weight(key, of, binding, "its key") for key, of in keys.items()}, find)

    def _torch_dict(self, case: Case, binding: Binding) -> dict[str, Weight]:
        """Return the weights under nn.RNN's own names; of two biases neither is the sum."""
        return {one.name: Weight.named(one.name, binding.transposed) for one in predict_parameters(case)}

    def _by_name(self, name: str, of: Slot, binding: Binding) -> Weight:
        if of.kind is None:
            raise KeyError(name)
        return self._weight(name, of, binding, "its key")

    def wiring(self, case: Case, binding: Binding) -> tuple[Row, ...]:
        found = []
        for name, held in self._held(case, binding).items():
            place = name.removeprefix("global ")
            if isinstance(self._globals.get(place), nn.RNN):  # by attribute
                found += [(f"{place}.{key}", str(weight), weight.evidence) for key, weight in held.items()]
            else:
                found += rows(place, held)
        return tuple(found)


def _without_direction(name: str) -> str:
    return re.sub(r"_?(f|b|fw|bw|fwd|bwd|r|l\d*)$", "", name.lower()) or name.lower()


def _projected(x: Any, params: Mapping[str, Tensor], binding: Binding) -> Any:
    """Return the input's products with weight_ih, with both biases, for an argument that is given those."""
    weight = Weight("weight_ih", transposed=binding.transposed).value(params)
    return x @ (weight.T if weight.shape[-1] == x.shape[-1] else weight) + Weight("bias").value(params)


def rnn_of(case: Case, target: type[nn.RNN] = nn.RNN) -> nn.RNN:
    """Return nn.RNN, or a class with its constructor, for the arguments of a case."""
    names = ("num_layers", "nonlinearity", "bias", "batch_first", "dropout", "bidirectional")
    return target(case.rnn.input_size, case.rnn.hidden_size, **{name: getattr(case.rnn, name) for name in names})


def rnn_with(case: Case, params: Mapping[str, Tensor]) -> nn.RNN:
    """Return nn.RNN with these tensors as its weights: by attribute, parameters(), all_weights and state_dict()."""
    made = rnn_of(case)
    for name in list(made._parameters):
        made._parameters[name] = params[name]  # type: ignore[assignment]  # a tensor: a gradient passes
    made._flat_weights = [params[name] for name in made._flat_weights_names]
    made.state_dict = lambda *_, **__: dict(params)  # type: ignore[assignment,method-assign]
    return made.train(case.run.train)
