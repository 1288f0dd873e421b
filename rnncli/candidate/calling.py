"""How values get into a candidate: a function's arguments, the globals of its module, the tensors of an object."""

import copy
import functools
import inspect
import itertools
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rnncli.candidate import signature, source
from rnncli.candidate.names import EXACT, Kind, Slot, option, role, slot
from rnncli.candidate.places import held_by, is_array
from rnncli.core.case import Case, RNNArguments
from rnncli.core.errors import CandidateError, described
from rnncli.core.shapes import predict_parameters

KINDS: tuple[Kind, ...] = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_OF_TORCH = re.compile(r"(weight|bias)_[ih]h_l")
_LISTED = re.compile(
    r"(returns?|final|states?|hidden|outputs?)\b[^.\n]{0,60}\blists?\b|\blists?\b[^.\n]{0,40}\b(states?|hidden|final|outputs?)",
    re.IGNORECASE,
)
_TWO_SHAPES = re.compile(r"\(\w+(, ?\w+)+\)(,| and) \(\w+(, ?\w+)+\)")  # of output and of h_n, without a name
_RETURNED_SHAPE = re.compile(r"\breturns?\b[^.\n]{0,60}\(\w+(, ?\w+){2}\)", re.IGNORECASE)  # of three axes
_RESETS = ("reset", "reset_state", "reset_hidden", "reset_states", "reset_hidden_state", "init_hidden", "init_state")
_SET = ("input_size", "hidden_size", "num_layers", "bidirectional")  # what a module's globals may be set to


class Missing(Exception):
    """A value that the candidate asks for and this case does not have."""


@dataclass(frozen=True)
class Binding:
    """One way to give a function its weights: as nn.RNN has them or transposed, x or h first in a joined matrix.

    `columns`: vectors are columns, and so are biases. `listed`: weight arguments are lists, over layers and directions.
    `form`: of an argument that holds all weights: dict, tuples, tuple or flat.
    """

    transposed: bool = False
    state_first: bool = False
    numpy: bool = False
    columns: bool = False
    listed: bool = False
    form: str = "dict"
    order: int = 0  # which of the ways to tell matrices apart whose names do not tell

    def value(self, x: Any) -> Any:
        """A tensor as the candidate takes it."""
        if isinstance(x, list):
            return [self.value(item) for item in x]
        if not self.numpy or not isinstance(x, Tensor):
            return x
        x = x.detach().cpu()
        return (x.float() if x.dtype == torch.bfloat16 else x).numpy().copy()


class Weights:
    """nn.RNN's parameters of one call, in the form a slot asks for."""

    def __init__(self, params: Mapping[str, Tensor], case: Case, binding: Binding, biases: int) -> None:
        """`biases`: how many the candidate has for a layer and direction; a single one holds the sum of both."""
        self.params, self.case, self.binding, self.biases = params, case, binding, biases

    def of(self, kind: str, layer: int, reverse: bool) -> Tensor:
        """The value of a slot, before it is made an array. Raises Missing."""
        suffix = f"l{layer}_reverse" if reverse else f"l{layer}"
        if kind == "readout":
            raise Missing("a readout has no counterpart in nn.RNN")
        if kind.startswith("bias"):
            both = [self._bias(name, suffix) for name in ("bias_ih", "bias_hh")]
            summed = kind == "bias" or self.biases == 1
            value = both[0] + both[1] if summed else both[kind == "bias_hh"]
            return value.unsqueeze(1) if self.binding.columns else value
        if kind == "weight":
            parts = [self._weight("weight_ih", suffix), self._weight("weight_hh", suffix)]
            value = torch.cat(parts[::-1] if self.binding.state_first else parts, 1)
        else:
            value = self._weight(kind, suffix)
        return value.T if self.binding.transposed else value

    def _weight(self, name: str, suffix: str) -> Tensor:
        if f"{name}_{suffix}" not in self.params:
            raise Missing(f"no {name}_{suffix} in this case")
        return self.params[f"{name}_{suffix}"]

    def _bias(self, name: str, suffix: str) -> Tensor:
        """The bias; zeros where the case has none."""
        if f"{name}_{suffix}" in self.params:
            return self.params[f"{name}_{suffix}"]
        weight = self._weight("weight_hh", suffix)
        return weight.new_zeros(weight.shape[0])


class OwnKeys(dict[str, Any]):
    """Weights under the keys that a function's own code uses; of another key it knows no more than a dict does."""

    def __init__(self, weights: Weights, keys: Mapping[str, Slot], head_scale: float = 1.0) -> None:
        self._weights, self._keys, self._head_scale = weights, keys, head_scale
        super().__init__()
        for key in keys:
            value = self._found(key)
            if value is not None:
                self[key] = value

    def __missing__(self, key: str) -> Any:
        value = self._found(str(key)) if any(str(key).startswith(known) for known in self._keys) else None
        if value is None:
            raise KeyError(key)
        self[key] = value
        return value

    def _found(self, key: str) -> Any:
        meant = self._keys.get(key) or slot(key)
        if meant.kind == "readout":
            head = _head(self._weights.params, key.lower().startswith("b"))
            return self._weights.binding.value(head * self._head_scale)
        if meant.kind is None:
            return None
        try:
            return self._weights.binding.value(self._weights.of(meant.kind, meant.layer or 0, meant.reverse))
        except Missing:
            return None


class LayerWeights(tuple[Any, ...]):
    """The weights of one layer in one direction: by place, as W_ih, W_hh, b_ih, b_hh, by key, or by attribute."""

    weights: Weights
    layer: int
    reverse: bool
    keys: Mapping[str, Slot]

    def __getitem__(self, key: Any) -> Any:
        return self._named(key) if isinstance(key, str) else super().__getitem__(key)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._named(name)
        except KeyError as error:
            raise AttributeError(name) from error

    def _named(self, name: str) -> Any:
        meant = self.keys.get(name, slot(name))
        if meant.kind is None:
            raise KeyError(name)
        return self.weights.binding.value(self.weights.of(meant.kind, self.layer, self.reverse))


class Settings(dict[str, Any]):
    """A config object for a constructor: any name that means an argument of nn.RNN, by key or by attribute."""

    def __missing__(self, name: str) -> Any:
        meant = option(name)
        if meant is None or meant not in self:
            raise KeyError(name)
        return self[meant]

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error

    def get(self, name: str, default: Any = None) -> Any:
        """As of every dict."""
        try:
            return self[name]
        except KeyError:
            return default


class Native:
    """A candidate as it was written. `call` gives it values by its own names."""

    drop_in = False  # it claims the whole of nn.RNN's interface
    kind = "function"
    one_bias = False
    set_globals: tuple[str, ...] = ()
    fixed = False  # its sizes cannot be chosen
    part = (0, 0)  # the layer and direction that a call is for, where they are put together around it
    asks_for_directions = False  # by an argument or by keys: one direction or two, as it is told
    tried_batch_first = False  # what it is given in trial calls, where it takes that argument
    stateful = False  # it keeps its state itself, from step to step

    def __init__(self, name: str, call: Callable[..., Any], module: Any, holds_weights: bool) -> None:
        self.name, self.module = name, module
        self.arguments = signature.arguments_of_call(call, holds_weights)
        self.defaults = signature.defaults_of(call)
        self.states = [name for name, (meant, _) in self.arguments.items() if meant == "state"]
        self.optional_state = all(name in self.defaults for name in self.states)
        self.says_step = signature.says_step(name, self.arguments)
        loaded = vars(module).values() if module is not None else ()
        modules = {value.__name__.partition(".")[0] for value in loaded if inspect.ismodule(value)}
        self.arrays = (False, True) if {"numpy", "torch"} <= modules else ("numpy" in modules,)
        self.words = source.words_of(getattr(self, "_source", call), module)
        self.names_packed = bool(self.words & {"packedsequence", "pad_packed_sequence", "batch_sizes"})
        text = " ".join(inspect.getdoc(one) or "" for one in (call, getattr(self, "_source", call)))
        listed = "|".join(map(re.escape, self.states)) or "-"
        self.states_as_list = bool(
            re.search(rf"\b({listed})\b\W*(is |are )?(a |an )?(python )?list\b", text, re.IGNORECASE)
        )
        written = getattr(self, "_source", call)
        self.states_as_list = self.states_as_list or (
            bool(self.states) and source.builds_a_list(written, self.states[0])
        )
        notes = source.notes_on(written)
        given = next((name for name, (meant, _) in self.arguments.items() if meant in ("input", "projected")), "")
        self.documented_input = source.documented_shape(notes, given) if given else None
        self.documented_state = source.documented_shape(notes, self.states[0]) if self.states else None
        shaped = [source.documented_shape(notes, name) for name in ("output", "h_n")]
        self.says_list = bool(_LISTED.search(notes))
        in_words = _TWO_SHAPES.search(notes) or _RETURNED_SHAPE.search(notes)
        self.returns_tensors = not self.says_list and (any(shaped) or bool(in_words))
        self.rows_by_nature = source.rows_by_nature(written)
        self.unpacks_state = source.unpacks(call, self.states[0]) if self.states else None
        self.outside_autograd = bool({"from_numpy", "numpy"} & self.words)

    @property
    def takes_state(self) -> bool:
        """Whether it can be given an initial state."""
        return bool(self.states)

    def claims(self, name: str) -> bool:
        """Whether it takes an argument of nn.RNN."""
        return any(meant == name for meant, _ in self.arguments.values())

    def bindings(self) -> Iterator[Binding]:
        """Every way of giving it values, the most usual first."""
        raise NotImplementedError

    def described(self) -> str:
        """What was seen of it."""
        return f"its arguments are {', '.join(self.arguments) or 'none'}"

    def call(self, x: Any, h: Any, params: Mapping[str, Tensor], case: Case, binding: Binding) -> Any:
        """What it returns for values laid out by its convention."""
        raise NotImplementedError

    def begin(self, case: Case, params: Mapping[str, Tensor]) -> None:
        """Forget the state of an earlier sequence."""

    def wiring(self, case: Case, binding: Binding) -> tuple[tuple[str, str, str], ...]:
        """Each tensor of the candidate, the weight it was given, and why."""
        del case, binding
        return ()

    @property
    def only_nonlinearity(self) -> str | None:
        """The nonlinearity that its source uses, where it takes none as an argument and uses one."""
        used = {name for name in ("tanh", "relu") if any(name in word for word in self.words)}
        if not used and {"rnncell", "rnn"} & self.words and "nonlinearity" not in self.words:
            used = {"tanh"}  # torch's own, by default
        return used.pop() if len(used) == 1 and not self.claims("nonlinearity") else None

    def option(self, meant: str, case: Case, default: Any = None, name: str = "") -> Any:
        """The value of an argument of nn.RNN in a case, in the form that its default has."""
        rnn = case.rnn
        if meant == "bidirectional" and isinstance(default, int) and not isinstance(default, bool):
            return rnn.directions
        if meant == "bidirectional" and isinstance(default, str):
            return "bidirectional" if rnn.bidirectional else default
        if meant == "nonlinearity":
            if inspect.isclass(default):
                return {"tanh": nn.Tanh, "relu": nn.ReLU}[rnn.nonlinearity]
            if isinstance(default, nn.Module):
                return {"tanh": nn.Tanh(), "relu": nn.ReLU()}[rnn.nonlinearity]
            if callable(default):
                of_numpy = type(default).__name__ == "ufunc"
                relu = (lambda z: z * (z > 0)) if of_numpy else torch.relu
                return {"tanh": default if of_numpy else torch.tanh, "relu": relu}[rnn.nonlinearity]
            if name == "mode" or (isinstance(default, str) and default.upper().startswith("RNN_")):
                return f"RNN_{rnn.nonlinearity.upper()}"
        values = {
            **rnn.model_dump(),
            "output_size": rnn.hidden_size,
            "training": case.run.train,
            "batch_size": case.input.batch_size,
            "seq_len": case.input.seq_len,
            "has_biases": rnn.bias,
            "return_sequences": True,
        }
        if meant == "rng":
            return sys.modules["numpy"].random.default_rng(0)
        if meant == "config":
            return Settings(values)
        if meant not in values:
            raise Missing("an argument whose name says nothing" if meant == "unknown" else f"no value for {meant}")
        return values[meant]


class Function(Native):
    """A function: tensors, a dict or lists of them as arguments, or in the globals of its module."""

    def __init__(self, name: str, function: Callable[..., Any], module: Any) -> None:
        super().__init__(name, function, module, holds_weights=False)
        self.target = function
        self._globals = source.globals_of(function, module)
        slots = [meant for kind, meant in self.arguments.values() if kind == "slot" and meant]
        arrays = [name for name, value in self._globals.items() if is_array(value)]
        self._global_slots = signature.told_apart({name: slot(name) for name in arrays})
        slots += self._global_slots.values()
        self._slots = [meant for meant in slots if meant.kind]
        self._strings = source.strings_of(function, module)
        self._keys = signature.told_apart(
            {key: slot(key) for key in self._strings if key.isidentifier() and slot(key).kind}
        )
        kinds = {meant.kind for meant in [*self._slots, *self._keys.values()] if not meant.layer and not meant.reverse}
        self._biases = len({kind for kind in kinds if kind and kind.startswith("bias")})
        self._reverse = any(meant.reverse for meant in self._slots)
        self._holders = [name for name, (meant, _) in self.arguments.items() if meant == "params"]
        self._by_direction = len(self._holders) == 2
        star = signature.starred(function)
        self._star = star if star and role(star) == "params" else None
        self._says_torch = any(re.match(r"(weight|bias)_[ih]h", name) for name in self.arguments)
        self._orders = self._told_by_order()
        self.head_scale = 1.0  # of weights after the recurrence, which are the identity
        read_out = {of.kind for of in [*self._slots, *self._keys.values()]}
        self.reads_out = "readout" in read_out
        self.joined = "weight" in read_out
        self.asks_for_directions = Native.claims(self, "bidirectional") or any(
            "reverse" in text for text in self._strings
        )
        text = inspect.getdoc(function) or ""
        of_cell = any(re.fullmatch(r"(weight|bias)_[ih]h", key) for key in self._strings)
        of_rnn = "_l" in self._strings or bool(re.search(r"nn\.RNN(?!Cell)", text))
        self._torch_keys = any(_OF_TORCH.match(key) for key in self._strings) or (of_cell and of_rnn)
        self.one_bias = self._biases == 1 and not self._torch_keys
        of_rnn = any(isinstance(value, nn.RNN) for value in self._globals.values())
        self.returns_tensors = self.returns_tensors or self._torch_keys or of_rnn
        self.kind = "function of positional tensors" if self._slots else "function of a dict of weights"
        if self._globals and not self._slots and not self._holders:
            self.kind = "function of module globals"
        self.set_globals = tuple(name for name in self._globals if self._is_set(name))

    def _told_by_order(self) -> list[dict[str, Slot]]:
        """The ways to tell weights apart whose names do not: as told, and with the two matrices exchanged."""
        slots = {name: of for name, (meant, of) in self.arguments.items() if meant == "slot" and of}
        slots = slots or self._keys
        orders: list[dict[str, Slot]] = [slots]
        weak = [
            name
            for name, of in slots.items()
            if of.kind in ("weight_ih", "weight_hh") and re.fullmatch("[wuvabk][0-9]?", _stem(name))
        ]
        if weak and {slots[name].kind for name in weak} == {"weight_ih", "weight_hh"}:
            other: dict[Kind | None, Kind] = {"weight_ih": "weight_hh", "weight_hh": "weight_ih"}
            orders.append(slots | {name: slots[name]._replace(kind=other[slots[name].kind]) for name in weak})
        return orders

    def claims(self, name: str) -> bool:
        """Whether it takes an argument of nn.RNN; weights of the reverse direction claim `bidirectional`."""
        if super().claims(name):
            return True
        if name == "bidirectional":
            return self._reverse or self._by_direction or any("reverse" in text for text in self._strings)
        if name == "num_layers" and (self._star or len({of.layer for of in self._slots if of.kind == "weight_ih"}) > 1):
            return True
        if name == "num_layers":
            by_key = any(_OF_TORCH.fullmatch(text) or re.search(r"_l[1-9]", text) for text in self._strings)
            return by_key or any(option(name) == "num_layers" for name in self._globals)
        return False

    def bindings(self) -> Iterator[Binding]:
        """One orientation for all matrices: a function that turns one of them alone is wrong."""
        joined = (False, True) if any(meant.kind == "weight" for meant in self._slots) else (False,)
        listed = (False, True) if self._slots else (False,)
        forms: tuple[str, ...] = ("dict", "tuples", "flat", "tuple", "triple", "triples", "with head")
        forms = forms if self._holders else ("dict",)
        if self._torch_keys:
            forms = ("dict",)
        if self._star:
            forms = ("flat", "triple")
        turned = (False,) if self._says_torch else (False, True)
        for arrays, lists, form, order, transposed, state_first, columns in itertools.product(
            self.arrays, listed, forms, range(len(self._orders)), turned, joined, (False, True)
        ):
            yield Binding(transposed, state_first, arrays, columns, lists, form, order)

    def call(self, x: Any, h: Any, params: Mapping[str, Tensor], case: Case, binding: Binding) -> Any:
        weights = Weights(params, case, binding, self._biases)
        given = {}
        for name, (meant, of_weight) in self.arguments.items():
            if meant == "state" and h is None and self.optional_state:
                continue
            of_weight = self._orders[binding.order].get(name, of_weight)
            no_bias = of_weight is not None and (of_weight.kind or "").startswith("bias") and not case.rnn.bias
            if meant == "slot" and no_bias and self.defaults.get(name, "") is None:
                continue
            if meant != "left out":
                given[name] = self._value(name, meant, of_weight, x, h, weights, case)
        star = self._all(self._star, weights, case) if self._star else ()
        with _globals_set(self.module, {name: self._global(name, weights, case) for name in self.set_globals}):
            return signature.called(self.target, given) if not self._star else self.target(*given.values(), *star)

    def _value(
        self, name: str, meant: str, of_weight: Slot | None, x: Any, h: Any, weights: Weights, case: Case
    ) -> Any:
        binding = weights.binding
        match meant:
            case "input":
                return binding.value(x)
            case "projected":
                weight, bias = (weights.of(kind, 0, False) for kind in ("weight_ih", "bias"))
                return binding.value(x @ (weight.T if weight.shape[-1] == x.shape[-1] else weight) + bias)
            case "state":
                if len(self.states) > 1:  # one for each direction
                    if not isinstance(h, list) or len(h) != len(self.states):
                        raise Missing("a state for each direction")
                    return binding.value(h[self.states.index(name)])
                return binding.value(h)
            case "params":
                return self._all(name, weights, case)
            case "case":
                return case
            case "slot":
                assert of_weight is not None
                return self._of_slot(of_weight, weights, case)
        return self.option(meant, case, self.defaults.get(name), name)

    def _all(self, name: str, weights: Weights, case: Case) -> Any:
        """All weights in one argument, or those of one direction."""
        binding, rnn = weights.binding, case.rnn
        if binding.form == "dict":
            return self._dict(weights)
        sides = (slot(f"w_{name}").reverse,) if self._by_direction else (False, True)[: rnn.directions]
        kinds: Sequence[str] = KINDS if rnn.bias else KINDS[:2]
        if binding.form in ("triple", "triples", "with head"):
            kinds = ("weight_ih", "weight_hh", "bias")
        items = []
        for layer, side in itertools.product(range(rnn.num_layers), sides):
            item = LayerWeights(binding.value(weights.of(kind, layer, side)) for kind in kinds)
            item.weights, item.layer, item.reverse, item.keys = weights, layer, side, self._keys
            items.append(item)
        if binding.form == "flat":
            return [value for item in items for value in item]
        if binding.form == "with head":
            head = [binding.value(_head(weights.params, is_bias) * self.head_scale) for is_bias in (False, True)]
            if len(items) != 1:
                raise Missing("a tuple holds the weights of one layer")
            return [*items[0], head[0], head[1].reshape(-1) if not binding.columns else head[1]]
        if binding.form in ("tuple", "triple"):
            if len(items) != 1:
                raise Missing("a tuple holds the weights of one layer")
            return items[0]
        return items

    def _dict(self, weights: Weights) -> dict[str, Any]:
        if not self._torch_keys and self._keys:
            keys = self._orders[weights.binding.order] if set(self._orders[0]) == set(self._keys) else self._keys
            return OwnKeys(weights, keys, self.head_scale)
        binding = weights.binding
        found = {}
        for name, value in weights.params.items():
            if value.dim() == 1:
                laid = value.unsqueeze(1) if binding.columns else value
            else:
                laid = value.T if binding.transposed else value
            found[name] = binding.value(laid)
        return found

    def _of_slot(self, meant: Slot, weights: Weights, case: Case) -> Any:
        binding, rnn = weights.binding, case.rnn
        assert meant.kind is not None
        if meant.kind == "readout":
            return binding.value(
                self.head_scale * torch.eye(rnn.hidden_size, dtype=next(iter(weights.params.values())).dtype)
            )
        if binding.listed and meant.layer is None:
            directions = (meant.reverse,) if self._reverse else (False, True)[: rnn.directions]
            items = [weights.of(meant.kind, layer, side) for layer in range(rnn.num_layers) for side in directions]
            return binding.value(items)
        layer = 0 if rnn.num_layers == 1 else meant.layer or 0
        return binding.value(weights.of(meant.kind, layer, meant.reverse))

    def wiring(self, case: Case, binding: Binding) -> tuple[tuple[str, str, str], ...]:
        rows = []
        named = {name: of for name, (meant, of) in self.arguments.items() if meant == "slot" and of}
        named |= {name: of for name, of in self._orders[binding.order].items() if name in named}
        named |= {name: of for name, of in self._global_slots.items() if of.kind}
        for name, of in named.items():
            why = "its name and its shape"
            if binding.listed and of.layer is None:
                sides = (of.reverse,) if self._reverse else (False, True)[: case.rnn.directions]
                places = itertools.product(range(case.rnn.num_layers), sides)
                slots = [of._replace(layer=layer, reverse=side) for layer, side in places]
                rows += [(f"{name}[{i}]", self._held(slot, binding), why) for i, slot in enumerate(slots)]
            else:
                rows.append((name, self._held(of, binding), why))
        for holder in [*self._holders, *([self._star] if self._star else [])]:
            rows += self._rows_of(holder, case, binding)
        for name, value in self._globals.items():
            if isinstance(value, dict | nn.RNN) and name in self.set_globals:
                rows += self._rows_of(name, case, binding, attributes=isinstance(value, nn.RNN))
        return tuple(rows)

    def _rows_of(
        self, holder: str, case: Case, binding: Binding, attributes: bool = False
    ) -> list[tuple[str, str, str]]:
        """The rows of one argument or global that holds several weights."""
        if binding.form == "dict" or attributes:
            if self._keys and not self._torch_keys and not attributes:
                keys = self._orders[binding.order] if set(self._orders[0]) == set(self._keys) else self._keys
                return [(f"{holder}[{key!r}]", self._held(of, binding), "its key") for key, of in keys.items()]
            turned = binding.transposed and not attributes
            return [
                (
                    f"{holder}.{one.name}" if attributes else f"{holder}[{one.name!r}]",
                    f"{one.name}.T" if turned and len(one.shape) == 2 else one.name,
                    "nn.RNN's own name",
                )
                for one in predict_parameters(case)
            ]
        sides = (slot(f"w_{holder}").reverse,) if self._by_direction else (False, True)[: case.rnn.directions]
        kinds: tuple[Kind, ...] = KINDS if case.rnn.bias else KINDS[:2]
        if binding.form in ("triple", "triples", "with head"):
            kinds = ("weight_ih", "weight_hh", "bias")
        rows = []
        for group, (layer, side) in enumerate(itertools.product(range(case.rnn.num_layers), sides)):
            for index, kind in enumerate(kinds):
                nested = f"{holder}[{group}][{index}]" if binding.form in ("tuples", "triples") else ""
                place = nested or f"{holder}[{group * len(kinds) + index}]"
                rows.append((place, self._held(Slot(kind, layer, side), binding), "its place in nn.RNN's order"))
        return rows

    def _held(self, of: Slot, binding: Binding) -> str:
        """What a slot holds, in words."""
        suffix = f"l{of.layer or 0}{'_reverse' if of.reverse else ''}"
        if of.kind == "readout":
            return "a head: set to the identity"
        if of.kind == "weight":
            parts = [f"weight_ih_{suffix}", f"weight_hh_{suffix}"]
            text = f"[{', '.join(parts[::-1] if binding.state_first else parts)}]"
        elif (of.kind or "").startswith("bias"):
            summed = of.kind == "bias" or self._biases == 1
            return f"bias_ih_{suffix} + bias_hh_{suffix}" if summed else f"{of.kind}_{suffix}"
        else:
            text = f"{of.kind}_{suffix}"
        return f"{text}.T" if binding.transposed else text

    def _is_set(self, name: str) -> bool:
        value = self._globals[name]
        if isinstance(value, int | str | bool):
            return option(name) in _SET
        return True

    def _global(self, name: str, weights: Weights, case: Case) -> Any:
        value, meant = self._globals[name], option(name)
        if isinstance(value, nn.RNN):
            return rnn_with(case, weights.params)
        if isinstance(value, dict):
            return self._dict(weights)
        if isinstance(value, int | str | bool) and meant:
            return self.option(meant, case)
        found = self._global_slots.get(name, slot(name))
        if found.kind is None:
            return value
        if isinstance(value, list | tuple):
            listed = Binding(weights.binding.transposed, numpy=weights.binding.numpy, listed=True)
            return self._of_slot(found, Weights(weights.params, case, listed, self._biases), case)
        return self._of_slot(found, weights, case)


class Object(Native):
    """A class, a factory or an object: constructed for the sizes of a case, with its tensors set to nn.RNN's."""

    def __init__(self, name: str, target: Any, module: Any) -> None:
        self.target = target
        self._instance = None if inspect.isclass(target) or inspect.isfunction(target) else target
        self.of_class = inspect.isclass(target)
        cls = target if self.of_class else type(self._instance) if self._instance is not None else None
        self._class = cls
        self.fixed = self._instance is not None
        subclass = self.of_class and issubclass(target, nn.RNN)
        bare = self.fixed or subclass or (self.of_class and target.__init__ is object.__init__)
        parameters = [] if bare else constructor_of(target)
        self._own_words = source.explicit_base_arguments(target) if self.of_class and not bare else set()
        self._made_with = {
            name: meant for name, meant in signature.arguments_of_constructor(parameters).items()
            if name not in self._own_words
        }  # fmt: skip
        self._made_defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self._takes_any, self._asks = False, set[str]()
        self.method = "__call__"
        made = self._first_of(name) if cls is None else None
        if made is not None:
            cls = type(made)
        if inspect.isfunction(made):
            call: Any = made
        elif cls is not None and issubclass(cls, nn.Module):
            call = cls.forward
        else:
            assert cls is not None
            self.method = signature.method_of(cls)
            call = getattr(cls, self.method)
        self._source = cls if cls is not None and not inspect.isfunction(made) else target
        super().__init__(name, call, module, holds_weights=True)
        self.is_module = cls is not None and issubclass(cls, nn.Module)
        self.kind = "module" if self.is_module else "class" if self.of_class else "object" if self.fixed else "factory"
        code = getattr(vars(target).get("__init__"), "__code__", None) if self.of_class else None
        read = (*code.co_names, *code.co_consts) if code else ()
        self._asks = {meant for text in read if isinstance(text, str) and (meant := option(text))}
        told = {meant for meant, _ in self._made_with.values()}
        self._takes_any = self.of_class and "input_size" not in told and signature.takes_any_keyword(target)
        self._objects: dict[Any, Any] = {}
        self.plans: dict[Any, Any] = {}  # a Wiring by num_layers, directions and bias
        self._globals = source.globals_of(call, module) if module is not None else {}
        constructor = getattr(target, "__init__", None) if self.of_class else None
        if inspect.isfunction(constructor):
            self._globals |= source.globals_of(constructor, module)
        self.set_globals = tuple(
            name for name, value in self._globals.items()
            if not isinstance(value, bool) and isinstance(value, int) and option(name) in _SET
            and not any(meant == option(name) for meant, _ in self._made_with.values())
        )  # fmt: skip
        if self.is_module:
            self.returns_tensors = self.returns_tensors or self._has_our_names()
        interface = {"num_layers", "bidirectional", "batch_first", "nonlinearity", "dropout"}
        self.drop_in = subclass or len({meant for meant, _ in self._made_with.values()} & interface) >= 3

    def _has_our_names(self) -> bool:
        """Whether all its parameters have nn.RNN's own names: it promises what nn.RNN does."""
        try:
            names = [name for name, _ in self.made(Case(), torch.float32).named_parameters()]
        except Exception:
            return False
        return bool(names) and all(EXACT.fullmatch(name) for name in names)

    def claims(self, name: str) -> bool:
        """Whether the constructor, the call, or a global that is set for it takes an argument of nn.RNN."""
        made = {meant for meant, _ in self._made_with.values()}
        if "config" in made or self._takes_any:
            made |= self._asks
        subclass = self.of_class and issubclass(self.target, nn.RNN)
        by_global = any(option(key) == name for key in self.set_globals)
        return super().claims(name) or name in made or subclass or by_global

    @property
    def has_output_size(self) -> bool:
        """Whether it is constructed with the size of a head."""
        return any(meant == "output_size" for meant, _ in self._made_with.values())

    def described(self) -> str:
        made = ", ".join(self._made_with) or "no arguments"
        return f"it is constructed with {made}, and called with {', '.join(self.arguments) or 'no arguments'}"

    def bindings(self) -> Iterator[Binding]:
        """Arrays or tensors: its weights lie as the object has them."""
        for arrays in self.arrays:
            yield Binding(numpy=arrays)

    def made(self, case: Case, dtype: torch.dtype, seed: int = 0, output_size: int | None = None) -> Any:
        """The object for the sizes of a case, with weights of its own drawn from a seed."""
        with torch.random.fork_rng(devices=[]), _numpy_seeded(seed):
            torch.manual_seed(seed)
            if self.fixed:
                made = copy.deepcopy(self._instance)
            else:
                with _globals_set(self.module, self._sizes(case)):
                    made = self._constructed(case, output_size)
        return made.to(dtype) if isinstance(made, nn.Module) else made

    def _constructed(self, case: Case, output_size: int | None) -> Any:
        if self.of_class and issubclass(self.target, nn.RNN):
            return rnn_of(case, self.target)
        given = {}
        for name, (meant, _) in self._made_with.items():
            if meant == "left out":
                continue
            value = self.option(meant, case, self._made_defaults.get(name), name)
            given[name] = output_size if meant == "output_size" and output_size else value
        if self._takes_any:
            given |= {name: self.option(name, case) for name in self._asks if name in RNNArguments.model_fields}
        if not self.of_class or not signature.starred(self.target.__init__):
            return signature.called(self.target, given)
        try:
            return self.target(**given)
        except TypeError:  # its arguments go to the base class in order
            return self.target(*given.values())

    def _first_of(self, name: str) -> Any:
        """What a factory returns. Raises CandidateError where it returns nothing that can be called."""
        self.drop_in = False
        try:
            made = self._constructed(Case(), None)
        except Exception as error:
            raise CandidateError(f"candidate {name}: it raised {described(error)}") from error
        if not callable(made):
            raise CandidateError(f"candidate {name}: it returns a {type(made).__name__}, which cannot be called")
        return made

    def _sizes(self, case: Case) -> dict[str, Any]:
        return {name: self.option(option(name) or "", case) for name in self.set_globals}

    def run(self, made: Any, x: Any, h: Any, case: Case, binding: Binding) -> Any:
        """What an object returns, with whatever weights it has."""
        if isinstance(made, nn.Module):
            made.train(case.run.train)
        given = {}
        for name, (meant, _) in self.arguments.items():
            if meant == "input":
                given[name] = binding.value(x)
            elif meant == "state":
                if len(self.states) > 1 and isinstance(h, list) and len(h) == len(self.states):
                    given[name] = binding.value(h[self.states.index(name)])
                elif h is not None or not self.optional_state:
                    given[name] = binding.value(h)
            elif meant not in ("left out", "slot"):
                given[name] = self.option(meant, case, self.defaults.get(name), name)
        call = made if inspect.isfunction(made) else getattr(made, self.method)
        with _globals_set(self.module, self._sizes(case)):
            return signature.called(call, given)

    def call(self, x: Any, h: Any, params: Mapping[str, Tensor], case: Case, binding: Binding) -> Any:
        made = self.wired(params, case, binding)
        return self.run(made, x, h, case, binding)

    def wired(self, params: Mapping[str, Tensor], case: Case, binding: Binding, seed: int = 0) -> Any:
        """The object with nn.RNN's parameters in its places."""
        like = next(iter(params.values()))
        key = (case.rnn, like.dtype, like.device, seed, torch.get_default_dtype(), self._given_sizes(case), self.part)
        if key not in self._objects:
            made = self.made(case, like.dtype, seed)
            if isinstance(made, nn.Module):
                made.to(like.device)
            self._objects[key] = made, held_by(made)
        made, held = self._objects[key]
        plan = self.plans.get((case.rnn.num_layers, case.rnn.directions, case.rnn.bias))
        if plan is not None:
            plan.set(made, held, params, binding, case)
        return made

    def _given_sizes(self, case: Case) -> tuple[int, ...]:
        """The sizes beside nn.RNN's arguments that the constructor asks for."""
        return tuple(getattr(case.input, name) for name in ("batch_size", "seq_len") if self.claims(name))

    def begin(self, case: Case, params: Mapping[str, Tensor]) -> None:
        like = next(iter(params.values()))
        for key in [key for key in self._objects if key[0] == case.rnn and key[1] == like.dtype]:
            made, _ = self._objects[key]
            reset = next((name for name in _RESETS if callable(getattr(made, name, None))), None)
            try:
                if reset is None:
                    raise TypeError
                getattr(made, reset)()
            except TypeError:
                del self._objects[key]


def constructor_of(target: Any) -> list[inspect.Parameter]:
    """The arguments that an object is made with: of a class, or of a factory."""
    if not inspect.isclass(target):
        return signature.parameters_of(target)
    return [] if target.__init__ is object.__init__ else signature.parameters_of_constructor(target)


def composed(target: Any, name: str, module: Any) -> Function:
    """A class or factory that is constructed with its weights, as a function that constructs and calls it."""
    made_with = constructor_of(target)
    sources = [target]
    if inspect.isclass(target):
        method = "__call__" if issubclass(target, nn.Module) else signature.method_of(target)
        call = target.forward if issubclass(target, nn.Module) else getattr(target, method)
        sources = [value for value in vars(target).values() if inspect.isfunction(value)]
    else:
        method, call = "__call__", _inner(target, made_with)
    names = {p.name for p in made_with}

    def run(**given: Any) -> Any:
        made = target(**{key: value for key, value in given.items() if key in names})
        _relink(made, [value for key, value in given.items() if key in names])
        rest = {key: value for key, value in given.items() if key not in names}
        return signature.called(made if inspect.isfunction(made) else getattr(made, method), rest)

    parameters = [*made_with, *signature.parameters_of(call)]
    parameters = [p.replace(kind=p.KEYWORD_ONLY) for p in {p.name: p for p in parameters}.values()]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__sources__ = sources  # type: ignore[attr-defined]
    found = Function(name, run, module)
    found.kind = f"{'class' if inspect.isclass(target) else 'factory'} constructed with its weights"
    return found


def _inner(factory: Any, made_with: list[inspect.Parameter]) -> Any:
    """The function that a factory returns, found with weights of small sizes."""
    slots = signature.arguments_of_constructor(made_with)
    shapes = {"weight_ih": (7, 5), "weight_hh": (7, 7)}
    given = {name: torch.zeros(shapes.get((of.kind if of else "") or "", (7,))) for name, (meant, of) in slots.items()
             if meant == "slot"}  # fmt: skip
    made = factory(**given)
    return made if inspect.isfunction(made) else type(made).__call__


def _relink(made: Any, given: list[Any]) -> None:
    """Put the tensors that an object was made with in the place of the Parameters it made of them."""
    tensors = [value for value in given if isinstance(value, Tensor)]
    for value in given:
        if isinstance(value, dict | list | tuple):
            tensors += [
                one for one in (value.values() if isinstance(value, dict) else value) if isinstance(one, Tensor)
            ]
    if not isinstance(made, nn.Module):
        return
    for one in held_by(made):
        same = [value for value in tensors if value.shape == one.value.shape and one.parameter
                and torch.equal(value.detach().to(one.value.dtype), one.value.detach())]  # fmt: skip
        if same:
            one.set(made, same[0])


def _is_made_with_weights(target: Any) -> bool:
    if inspect.isclass(target) and issubclass(target, nn.RNNBase):
        return False
    meanings = {meant for meant, _ in signature.arguments_of_constructor(constructor_of(target)).values()}
    return bool({"slot", "params"} & meanings) and not {"input", "state"} & meanings


def native_of(target: object, name: str) -> Native:
    """The candidate by what it is. Raises CandidateError where it is nothing that can be called."""
    module = source.module_of(target)
    if inspect.isclass(target):
        return composed(target, name, module) if _is_made_with_weights(target) else Object(name, target, module)
    if isinstance(target, nn.Module) and not isinstance(target, torch.jit.ScriptFunction):
        return Object(name, target, sys.modules.get(type(target).__module__))
    if inspect.isfunction(target) and _is_factory(target):
        return composed(target, name, module) if _is_made_with_weights(target) else Object(name, target, module)
    if isinstance(target, functools.partial) and inspect.isfunction(target.func):
        return Function(name, target, source.module_of(target.func))
    if inspect.isroutine(target) or isinstance(target, torch.jit.ScriptFunction):
        return Function(name, target, module)
    if callable(target):
        return Object(name, target, sys.modules.get(type(target).__module__))
    raise CandidateError(f"candidate {name}: it is a {type(target).__name__}; expected a function or a class")


def _is_factory(function: Callable[..., Any]) -> bool:
    """Return whether a function takes sizes or weights and no input: it makes an RNN."""
    names = [p.name for p in signature.parameters_of(function)]
    meanings = [option(name) or role(name) or ("slot" if slot(name).kind else None) for name in names]
    required = [p.name for p in signature.parameters_of(function) if p.default is p.empty]
    made = {"input_size", "hidden_size"} <= set(meanings) or (meanings.count("slot") >= 2 and len(required) >= 2)
    return made and None not in meanings and not {"input", "projected", "state"} & set(meanings)


def _stem(name: str) -> str:
    """A weight's name without the direction that stands at its end."""
    return re.sub(r"_?(f|b|fw|bw|fwd|bwd|r|l\d*)$", "", name.lower()) or name.lower()


def rnn_of(case: Case, target: type[nn.RNN] = nn.RNN) -> nn.RNN:
    """nn.RNN, or a class with its constructor, for the arguments of a case."""
    rnn = case.rnn
    return target(
        rnn.input_size, rnn.hidden_size, num_layers=rnn.num_layers, nonlinearity=rnn.nonlinearity, bias=rnn.bias,
        batch_first=rnn.batch_first, dropout=rnn.dropout, bidirectional=rnn.bidirectional,
    )  # fmt: skip


def rnn_with(case: Case, params: Mapping[str, Tensor]) -> nn.RNN:
    """nn.RNN with these tensors as its weights: by attribute, parameters(), all_weights and state_dict()."""
    made = rnn_of(case)
    for name in list(made._parameters):
        made._parameters[name] = params[name]  # type: ignore[assignment]  # a tensor: a gradient passes
    made._flat_weights = [params[name] for name in made._flat_weights_names]
    made.state_dict = lambda *_, **__: dict(params)  # type: ignore[assignment,method-assign]
    return made.train(case.run.train)


def _head(params: Mapping[str, Tensor], is_bias: bool) -> Tensor:
    hidden = params["weight_hh_l0"]
    return hidden.new_zeros(len(hidden), 1) if is_bias else torch.eye(len(hidden), dtype=hidden.dtype)


@contextmanager
def _numpy_seeded(seed: int) -> Iterator[None]:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        yield
        return
    before = numpy.random.get_state()
    numpy.random.seed(seed)
    try:
        yield
    finally:
        numpy.random.set_state(before)


@contextmanager
def _globals_set(module: Any, values: Mapping[str, Any]) -> Iterator[None]:
    """Globals of a module replaced for the time of a call."""
    before = {name: vars(module)[name] for name in values} if values else {}
    if values:
        vars(module).update(values)
    try:
        yield
    finally:
        if values:
            vars(module).update(before)
