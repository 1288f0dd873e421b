"""How values get into a candidate: a function's arguments, the tensors of an object, the globals of a module."""

import inspect
import itertools
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from rnncli.candidate.names import Slot, option, role, slot
from rnncli.candidate.places import (
    EXACT,
    TRIAL_HIDDEN,
    TRIAL_INPUT,
    TRIAL_OUTPUT,
    Place,
    biases_of,
    is_array,
    places_of,
    planned,
    shapes_of,
)
from rnncli.case import Case, RNNArguments, altered
from rnncli.errors import CandidateError

_CONFIGS = {"config", "cfg", "conf", "args", "opts", "opt", "options", "hparams", "hps", "settings", "hyperparams"}
_METHODS = ("forward", "__call__", "run", "rnn_forward", "forward_pass", "predict", "apply", "step")
_STEP = re.compile(r"(^|_)(step|cell|tick|timestep|one_step)(_|$)|cell$|step$", re.IGNORECASE)
_STEP_INPUTS = {"x_t", "xt", "input_t", "input_step", "step_input", "x0"}


class Missing(Exception):
    """A value the candidate asks for that this case does not have."""


@dataclass(frozen=True)
class Bound:
    """One way of giving the weights: as nn.RNN has them or transposed, x or h first where both are in one matrix.

    `columns`: vectors are columns, and so are biases. `listed`: weight arguments are lists, over layers and directions.
    """

    transposed: str = "no"  # no, yes, hh
    state_first: bool = False
    numpy: bool = False
    columns: bool = False
    listed: bool = False
    placement: int = 0  # of weights whose names do not say their layer and direction: which of two orders
    form: str = "dict"  # of an argument that holds all weights: dict, tuples, tuple, flat

    def like(self, other: "Bound") -> bool:
        """Whether it is the same but for the lists, which one layer does not need."""
        one, another = (replace(bound, listed=False, form="", placement=0) for bound in (self, other))
        return one == another

    def transposes(self, kind: str) -> bool:
        """Whether a matrix is given transposed."""
        return self.transposed == "yes" or (kind == f"weight_{self.transposed}")

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

    def __init__(self, params: Mapping[str, Tensor], case: Case, binding: Bound, biases: int) -> None:
        """`biases`: how many the candidate has for a layer and direction; one stands for the sum of both."""
        self.params, self.case, self.binding, self.biases = params, case, binding, biases

    def of(self, kind: str, layer: int, reverse: bool, transposed: bool | None = None) -> Tensor:
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
        turned = self.binding.transposes(kind) if transposed is None else transposed
        return value.T if turned else value

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


class NamedWeights(dict[str, Any]):
    """Weights by nn.RNN's names; any other name is understood as far as it says what it is."""

    def __init__(self, weights: Weights, touched: set[str], keys: Mapping[str, Slot]) -> None:
        """`keys`: what the names in the candidate's code mean, beside each other."""
        self._weights, self._touched, self._keys = weights, touched, keys
        super().__init__({name: weights.binding.value(self._exact(name)) for name in weights.params})

    def _exact(self, name: str) -> Tensor:
        value = self._weights.params[name]
        if value.dim() == 1:
            return value.unsqueeze(1) if self._weights.binding.columns else value
        return value.T if self._weights.binding.transposes(name[:9]) else value

    def __getitem__(self, name: str) -> Any:
        self._touched.add(str(name))
        return super().__getitem__(name)

    def __missing__(self, name: str) -> Any:
        meant = self._keys.get(str(name), slot(str(name)))
        if meant.kind == "readout":
            hidden = self._weights.params["weight_hh_l0"]
            is_bias = str(name).lower().startswith("b")
            size = hidden.new_zeros(len(hidden), 1) if is_bias else torch.eye(len(hidden), dtype=hidden.dtype)
            return self._weights.binding.value(size)
        if meant.kind is None:
            raise KeyError(name)
        layers = self._weights.case.rnn.num_layers
        layer = min(meant.layer or 0, layers - 1) if layers == 1 else meant.layer or 0
        return self._weights.binding.value(self._weights.of(meant.kind, layer, meant.reverse))

    def get(self, name: str, default: Any = None) -> Any:
        """As of every dict."""
        return self[name] if name in self else default  # noqa: SIM401  # by way of __getitem__, which keeps account


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

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)

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

    drop_in = False  # it takes nn.RNN's arguments, and its weights have nn.RNN's names
    packs = False
    unbatched = False
    kind = "function"
    one_bias = False
    depends_on = ""  # globals of its module whose names do not say that they are weights

    @property
    def reads_out(self) -> bool:
        """Whether it has weights after the recurrence."""
        return False

    def __init__(self, name: str, call: Callable[..., Any], module: Any) -> None:
        self.name = name
        self.module = module
        self.touched: set[str] = set()
        self._arguments = _arguments(call)
        self._defaults = _defaults(call)
        self._states = [name for name, (meant, _) in self._arguments.items() if meant == "h_0"]
        self.optional_state = all(name in self._defaults for name in self._states)
        self.steps_first = bool(_STEP.search(name.rpartition(":")[2])) or bool(_STEP_INPUTS & set(self._arguments))
        loaded = vars(module).values() if module is not None else ()
        modules = {value.__name__.partition(".")[0] for value in loaded if inspect.ismodule(value)}
        self._arrays = (False, True) if {"numpy", "torch"} <= modules else ("numpy" in modules,)

    @property
    def takes_state(self) -> bool:
        """Whether it can be given an initial state."""
        return bool(self._states)

    def has(self, name: str) -> bool:
        """Whether it takes an argument of nn.RNN."""
        return any(meant == name for meant, _ in self._arguments.values())

    def bindings(self) -> Iterator[Bound]:
        """Every way of giving it the weights, the most usual first."""
        raise NotImplementedError

    def described(self) -> str:
        """What was seen of it."""
        return f"its arguments are {', '.join(self._arguments) or 'none'}"

    def call(self, x: Any, h: Any, params: Mapping[str, Tensor], case: Case, binding: Bound) -> Any:
        """What it returns for values laid out by its convention."""
        raise NotImplementedError

    def _options(self, meant: str, case: Case, default: Any = None) -> Any:
        """The value of an argument of nn.RNN in a case; a function where its default is one."""
        rnn = case.rnn
        if meant == "nonlinearity" and inspect.isclass(default):
            return {"tanh": nn.Tanh, "relu": nn.ReLU}[rnn.nonlinearity]
        if meant == "nonlinearity" and callable(default):
            return {"tanh": torch.tanh, "relu": torch.relu}[rnn.nonlinearity]
        values = {
            **rnn.model_dump(),
            "output_size": rnn.hidden_size,
            "training": case.run.train,
            "batch_size": case.input.batch_size,
            "seq_len": case.input.seq_len,
        }
        if meant == "config":
            return Settings(values)
        if meant not in values:
            raise Missing("an argument whose name says nothing" if meant == "unknown" else f"no value for {meant}")
        return values[meant]


class Function(Native):
    """A function: tensors, a dict or lists of them as arguments, or in the globals of its module."""

    def __init__(self, name: str, function: Callable[..., Any], module: Any) -> None:
        super().__init__(name, function, module)
        self._function = function
        self._globals = _used_globals(function, module)
        slots = [meant for kind, meant in self._arguments.values() if kind == "slot" and meant]
        arrays = [name for name, value in self._globals.items() if is_array(value)]
        self._global_slots = told_apart({name: slot(name) for name in arrays})
        slots += self._global_slots.values()
        self._slots = [meant for meant in slots if meant.kind]
        self._keys = told_apart({key: slot(key) for key in _strings(function, module) if slot(key).kind})
        kinds = {meant.kind for meant in self._slots if (meant.layer or 0) == 0 and not meant.reverse}
        self._biases = len({kind for kind in kinds if kind and kind.startswith("bias")})
        self._reverse = any(meant.reverse for meant in self._slots)
        self._holders = [name for name, (meant, _) in self._arguments.items() if meant == "params"]
        self._by_direction = len(self._holders) == 2
        self.one_bias = self._biases == 1
        self.kind = "function of positional tensors" if self._slots else "function of a dict of weights"
        if self._globals and not self._slots and not self._holders:
            self.kind = "function of module globals"
        unclear = [name for name, value in self._globals.items() if is_array(value) and not slot(name).kind]
        self.depends_on = ", ".join(unclear)

    @property
    def target(self) -> Callable[..., Any]:
        """The function."""
        return self._function

    def has(self, name: str) -> bool:
        """Whether it takes an argument of nn.RNN; weights of the reverse direction mean bidirectional."""
        return super().has(name) or (name == "bidirectional" and (self._reverse or self._by_direction))

    def bindings(self) -> Iterator[Bound]:
        """One orientation for all matrices: a function that turns one of them alone is wrong."""
        joined = (False, True) if any(meant.kind == "weight" for meant in self._slots) else (False,)
        listed = (False, True) if self._slots else (False,)
        forms = ("dict", "tuples", "flat", "tuple") if self._holders else ("dict",)
        for arrays, lists, form, transposed, state_first, columns in itertools.product(
            self._arrays, listed, forms, ("no", "yes"), joined, (False, True)
        ):
            yield Bound(transposed, state_first, arrays, columns, lists, form=form)

    def call(self, x: Any, h: Any, params: Mapping[str, Tensor], case: Case, binding: Bound) -> Any:
        weights = Weights(params, case, binding, self._biases)
        self.touched = set()
        given = {}
        for name, (meant, of_weight) in self._arguments.items():
            if meant == "h_0" and h is None and self.optional_state:
                continue
            found = self._value(name, meant, of_weight, x, h, weights, case)
            if found is not _LEFT_OUT:
                given[name] = found
        with _globals_set(self.module, {name: self._global(name, weights, case) for name in self._globals}):
            return _called(self._function, given)

    def _value(
        self, name: str, meant: str, of_weight: Slot | None, x: Any, h: Any, weights: Weights, case: Case
    ) -> Any:
        binding = weights.binding
        match meant:
            case "input":
                return binding.value(x)
            case "projected":
                weight, *biases = (weights.of(kind, 0, False) for kind in ("weight_ih", "bias"))
                return binding.value(x @ (weight.T if weight.shape[-1] == x.shape[-1] else weight) + biases[0])
            case "h_0":
                if len(self._states) > 1:  # one for each direction
                    if not isinstance(h, list) or len(h) != len(self._states):
                        raise Missing("a state for each direction")
                    return binding.value(h[self._states.index(name)])
                return binding.value(h)
            case "params":
                return self._all(name, weights, case)
            case "case":
                return case
            case "slot":
                assert of_weight is not None
                return self._of_slot(of_weight, weights, case)
            case "left out":
                return _LEFT_OUT
        return self._options(meant, case, self._defaults.get(name))

    def _all(self, name: str, weights: Weights, case: Case) -> Any:
        """All weights in one argument, or those of one direction."""
        binding, rnn = weights.binding, case.rnn
        if binding.form == "dict":
            return NamedWeights(weights, self.touched, self._keys)
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        sides = (slot(f"w_{name}").reverse,) if self._by_direction else (False, True)[: rnn.directions]
        items = []
        for layer, side in itertools.product(range(rnn.num_layers), sides):
            item = LayerWeights(binding.value(weights.of(kind, layer, side)) for kind in kinds)
            item.weights, item.layer, item.reverse, item.keys = weights, layer, side, self._keys
            items.append(item)
        if binding.form == "flat":
            return [value for item in items for value in item]
        if binding.form == "tuple":
            if len(items) != 1:
                raise Missing("a tuple holds the weights of one layer")
            return items[0]
        return items

    def _of_slot(self, meant: Slot, weights: Weights, case: Case) -> Any:
        binding, rnn = weights.binding, case.rnn
        assert meant.kind is not None
        if meant.kind == "readout":
            eye = torch.eye(rnn.hidden_size, dtype=next(iter(weights.params.values())).dtype)
            return binding.value(eye)
        if binding.listed and meant.layer is None:
            directions = (meant.reverse,) if self._reverse else (False, True)[: rnn.directions]
            items = [weights.of(meant.kind, layer, side) for layer in range(rnn.num_layers) for side in directions]
            return binding.value(items)
        layer = 0 if rnn.num_layers == 1 else meant.layer or 0
        return binding.value(weights.of(meant.kind, layer, meant.reverse))

    def _global(self, name: str, weights: Weights, case: Case) -> Any:
        value, meant = self._globals[name], option(name)
        if isinstance(value, nn.RNN):
            return _nn_rnn(case)
        if isinstance(value, dict):
            return NamedWeights(weights, self.touched, self._keys)
        if isinstance(value, int | str | bool) and meant:
            return self._options(meant, case)
        found = self._global_slots.get(name, slot(name))
        if found.kind is None:
            return value
        if isinstance(value, list | tuple):
            listed = replace(weights.binding, listed=True)
            return self._of_slot(found, Weights(weights.params, case, listed, self._biases), case)
        return self._of_slot(found, weights, case)


class Object(Native):
    """A class: made for the sizes of a case, its tensors set to nn.RNN's; the same object for every call of those."""

    def __init__(self, name: str, target: type, module: Any) -> None:
        self._class = target
        self._method = "__call__" if issubclass(target, nn.Module) else _method(target)
        called = target.forward if issubclass(target, nn.Module) else getattr(target, self._method)
        super().__init__(name, called, module)
        self._made_with = {} if issubclass(target, nn.RNN) else _arguments(target.__init__, of_class=True)
        self._defaults_of_class = {} if issubclass(target, nn.RNN) else _defaults(target.__init__)
        self._arguments = _of_a_call(self._arguments)
        self._states = [name for name, (meant, _) in self._arguments.items() if meant == "h_0"]
        self.optional_state = all(name in self._defaults for name in self._states)
        code = getattr(vars(target).get("__init__"), "__code__", None)
        read = (*code.co_names, *code.co_consts) if code else ()
        self._asks = {meant for name in read if isinstance(name, str) and (meant := option(name))}
        told = {meant for meant, _ in self._made_with.values()}
        self._takes_any = "input_size" not in told and _takes_any(target)
        self._objects: dict[Any, Any] = {}
        self.kind = "module" if issubclass(target, nn.Module) else "class"
        self._plans: dict[tuple[int, int, bool, int], list[Place]] = {}
        self.drop_in = issubclass(target, nn.Module) and self._has_our_names()
        self.kind = "drop-in module" if self.drop_in else self.kind
        if not issubclass(target, nn.Module) and "__init__" in vars(target):
            self.steps_first = self.steps_first or self._method == "step"

    @property
    def target(self) -> type:
        """The class."""
        return self._class

    @property
    def method(self) -> str:
        """What is called of an object."""
        return self._method

    def held(self) -> dict[str, str]:
        """The object's tensors by name, as code that takes them from `params`, as far as one can be made."""
        try:
            places = self._plan(_trial_case(1, 1))
        except Exception:
            return {f"{kind}_l0": f"params['{kind}_l0']" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        one_bias = sum(place.kind.startswith("bias") for place in places) == 1
        found = {}
        for place in places:
            if place.kind.startswith("bias") and (one_bias or place.kind == "bias"):
                found[place.name] = "params['bias_ih_l0'] + params['bias_hh_l0']"
            elif place.kind == "weight":
                found[place.name] = "torch.cat([params['weight_ih_l0'], params['weight_hh_l0']], 1)"
            elif place.kind != "readout":
                found[place.name] = f"params['{place.kind}_l0']"
            if place.name in found and place.transposed:
                found[place.name] += ".T"
        return found

    def has(self, name: str) -> bool:
        """Whether the class, or the call, takes an argument of nn.RNN."""
        made = {meant for meant, _ in self._made_with.values()}
        if "config" in made or self._takes_any:
            made |= self._asks
        return super().has(name) or name in made or issubclass(self._class, nn.RNN)

    def described(self) -> str:
        return (
            f"it is made with {', '.join(self._made_with) or 'nothing'}, and called with {', '.join(self._arguments)}"
        )

    def bindings(self) -> Iterator[Bound]:
        """Shapes tell how its own matrices lie, but for the square ones: both ways are tried."""
        turned, joined = (("no",), (False,)) if self.drop_in else (("no", "hh"), (False, True))
        for arrays, placement, transposed, state_first, columns in itertools.product(
            self._arrays, (0,) if self.drop_in else (0, 1), turned, joined, (False, True)
        ):
            yield Bound(transposed, state_first, arrays, columns, placement=placement)

    def call(self, x: Any, h: Any, params: Mapping[str, Tensor], case: Case, binding: Bound) -> Any:
        key = (case.rnn, next(iter(params.values())).dtype)
        if key not in self._objects:
            with torch.random.fork_rng(devices=[]):  # its own weights are drawn, and dropout masks after them
                self._objects[key] = self._made(case, params)
        made = self._objects[key]
        if isinstance(made, nn.Module):
            made.train(case.run.train)
        plan = self._plan(case, binding.placement)
        weights = Weights(params, case, binding, biases_of(plan))
        for place in plan:
            place.set(made, self._valued(place, weights, case))
        given = {}
        for name, (meant, _) in self._arguments.items():
            if meant == "input":
                given[name] = binding.value(x)
            elif meant == "h_0":
                if h is not None or not self.optional_state:
                    given[name] = binding.value(h)
            elif meant not in ("left out", "slot"):
                given[name] = self._options(meant, case, self._defaults.get(name))
        return _called(getattr(made, self._method), given)

    def _valued(self, place: "Place", weights: Weights, case: Case) -> Any:
        if place.kind == "readout":
            like = weights.params["weight_hh_l0"]
            if len(place.shape) == 1:
                return weights.binding.value(like.new_zeros(case.rnn.hidden_size))
            return weights.binding.value(torch.eye(case.rnn.hidden_size, dtype=like.dtype, device=like.device))
        free = not place.linear and not re.search(r"weight_[ih]h", place.name)
        turned = place.transposed != (weights.binding.transposed == "hh" and place.kind == "weight_hh" and free)
        plain = Weights(weights.params, case, Bound(state_first=weights.binding.state_first), weights.biases)
        if place.stacked:
            value = torch.stack([plain.of(place.kind, place.layer, reverse, turned) for reverse in (False, True)])
        else:
            value = plain.of(place.kind, place.layer, place.reverse, turned)
        for axis, size in enumerate(place.shape):
            if size == 1:
                value = value.unsqueeze(axis)
        return weights.binding.value(value)

    def _made(self, case: Case, params: Mapping[str, Tensor], output_size: int | None = None) -> Any:
        if issubclass(self._class, nn.RNN):
            made: Any = _nn_rnn(case, self._class)
        else:
            given = {}
            for name, (meant, _) in self._made_with.items():
                if meant in ("left out", "slot", "h_0", "params", "case", "projected"):
                    continue
                value = self._options(meant, case, self._defaults_of_class.get(name))
                value = output_size if meant == "output_size" and output_size else value
                given[name] = value
            if self._takes_any:
                given |= {name: self._options(name, case) for name in self._asks if name in RNNArguments.model_fields}
            made = _called(self._class, given)
        like = next(iter(params.values()))
        return made.to(like.device, like.dtype) if isinstance(made, nn.Module) else made

    @property
    def reads_out(self) -> bool:
        """Whether it has weights after the recurrence."""
        return any(place.kind == "readout" for plan in self._plans.values() for place in plan)

    def _has_our_names(self) -> bool:
        try:
            made = self._made(_trial_case(1, 1), {"": torch.zeros((), dtype=torch.float32)})
        except Exception:
            return False
        names = [name for name, _ in made.named_parameters()]
        return bool(names) and all(EXACT.fullmatch(name) for name in names)

    def _plan(self, case: Case, placement: int = 0) -> "list[Place]":
        """Which tensor of the object holds which of nn.RNN's, found once at sizes that tell them apart."""
        rnn = case.rnn
        key = rnn.num_layers, rnn.directions, rnn.bias, placement
        if key not in self._plans:
            trial = _trial_case(rnn.num_layers, rnn.directions, rnn.bias)
            made = self._made(trial, {"": torch.zeros((), dtype=torch.float32)}, TRIAL_OUTPUT)
            self._plans[key] = planned(places_of(made), rnn.num_layers, rnn.directions, placement)
            if not any(place.kind in ("weight_ih", "weight", "weight_hh") for place in self._plans[key]):
                raise Missing(f"none of its tensors has the shape of a weight ({shapes_of(made)})")
        return self._plans[key]


def native_of(target: object, name: str) -> Native:
    """The candidate by what it is. Raises CandidateError where it is neither a function nor a class."""
    module = sys.modules.get(getattr(target, "__module__", None) or "")
    if inspect.isclass(target):
        return Object(name, target, module)
    if isinstance(target, nn.Module):
        raise CandidateError(
            f"candidate {name}: it is a {type(target).__name__}, made already with sizes of its own;"
            " name the class instead"
        )
    if callable(target):
        return Function(name, target, module)
    raise CandidateError(f"candidate {name}: it is a {type(target).__name__}; expected a function or a class")


# -- what is called ----------------------------------------------------------------------------------------------------

_LEFT_OUT = object()


def _parameters(call: Callable[..., Any]) -> list[inspect.Parameter]:
    """The arguments of a call, those of a class's method without self. Raises CandidateError where it tells none."""
    schema = getattr(call, "schema", None)
    if isinstance(call, torch.jit.ScriptFunction):
        assert schema is not None
        return [inspect.Parameter(one.name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for one in schema.arguments]
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError) as error:
        raise CandidateError(f"candidate {getattr(call, '__name__', call)}: it has no signature to read") from error
    found = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return found[1:] if found and found[0].name == "self" else found


def _arguments(call: Callable[..., Any], of_class: bool = False) -> dict[str, tuple[str, Slot | None]]:
    """What each argument is: input, h_0, params, slot (of a weight), an option, or left out."""
    found: dict[str, tuple[str, Slot | None]] = {}
    parameters = _parameters(call)
    required = [p for p in parameters if p.default is p.empty]
    for parameter in parameters:
        meant = option(parameter.name) if of_class else role(parameter.name)
        if not of_class and meant == "bias" and not isinstance(parameter.default, bool):
            meant = None
        if of_class and meant is None and parameter.name.lower().strip("_") in _CONFIGS:
            meant = "config"
        if of_class and meant is None and parameter in required:
            order = ("input_size", "hidden_size", "num_layers")
            taken = {meaning for meaning, _ in found.values()}
            meant = next((name for name in order if name not in taken), None)
        if meant in ("dtype", "device"):
            meant = "left out" if parameter.default is not parameter.empty else meant
        of_weight = None
        if meant is None and not of_class:
            of_weight = slot(parameter.name)
            meant = "slot" if of_weight.kind else None
        if meant is None:
            meant = "left out" if parameter.default is not parameter.empty else "unknown"
        if meant == "slot" and isinstance(parameter.default, bool | int | float | str):
            meant = "left out"
        found[parameter.name] = meant, of_weight
    return found if of_class else _guessed(_told_apart(found))


def _told_apart(found: dict[str, tuple[str, Slot | None]]) -> dict[str, tuple[str, Slot | None]]:
    """The arguments with their weights as `told_apart` has them."""
    slots = told_apart({name: of for name, (meant, of) in found.items() if meant == "slot" and of is not None})
    return found | {name: ("slot", of) for name, of in slots.items()}


def told_apart(slots: Mapping[str, Slot]) -> dict[str, Slot]:
    """Weights by name. Of two matrices, or two biases, one is the input's and one the state's, whatever one is called.

    Where neither name says it, the first is the input's.
    """
    told = dict(slots)
    for kinds in (("weight", "weight_ih", "weight_hh"), ("bias", "bias_ih", "bias_hh")):
        either, of_input, of_state = kinds
        unclear = [name for name, of in slots.items() if of.kind == either]
        groups = {(of.layer, of.reverse) for of in slots.values() if of.kind in kinds}
        numbered = len(unclear) == 2 and len(groups) == 2 and len({reverse for _, reverse in groups}) == 1
        for group in [None] if numbered else groups:  # W1 and W2 are two matrices of one layer
            of_group = [n for n, of in slots.items() if of.kind in kinds and group in (None, (of.layer, of.reverse))]
            if len(of_group) == 2 and len({slots[name].kind for name in of_group} & {of_input, of_state}) < 2:
                first, second = of_group
                swapped = slots[first].kind == of_state or slots[second].kind == of_input
                for name, kind in zip(of_group, (of_state, of_input) if swapped else (of_input, of_state), strict=True):
                    layer = None if numbered else slots[name].layer
                    told[name] = Slot(kind, layer, slots[name].reverse)  # type: ignore[arg-type]
    return told


def _defaults(call: Callable[..., Any]) -> dict[str, Any]:
    return {p.name: p.default for p in _parameters(call) if p.default is not p.empty}


def _of_a_call(found: dict[str, tuple[str, Slot | None]]) -> dict[str, tuple[str, Slot | None]]:
    """The arguments of an object's call, which holds its weights itself: what is no option is input or state."""
    unknown = {
        name: ("unknown", None) if meant in ("slot", "params") else (meant, of) for name, (meant, of) in found.items()
    }
    return _guessed(unknown)


def _guessed(found: dict[str, tuple[str, Slot | None]]) -> dict[str, tuple[str, Slot | None]]:
    """The arguments whose names say nothing, by their order: the input first, then the state."""
    said = {meant for meant, _ in found.values()}
    if {"input", "projected"} <= said:
        for name in [name for name, (meant, _) in found.items() if meant == "projected"]:
            found[name] = "slot", slot(name)
    free = [wanted for wanted in ("input", "h_0") if wanted not in said]
    if "projected" in said and "input" in free:
        free.remove("input")
    weights = [name for name, (meant, _) in found.items() if meant in ("slot", "params")]
    if not weights and "layers" in found:  # not how many: the layers themselves
        found["layers"] = "params", None
        weights = ["layers"]
    for name, (meant, _) in found.items():
        if meant == "unknown" and free:
            found[name] = free.pop(0), None
        elif meant == "unknown" and not weights:
            found[name] = "params", None
    if "input" in free:  # `w`, or the like, read as a weight
        first = next((name for name, (meant, _) in found.items() if meant == "slot"), None)
        if first and first.lower() in ("u", "i", "z", "a"):
            found[first] = "input", None
    return found


def _takes_any(target: type) -> bool:
    """Whether a class has a constructor of its own that takes keyword arguments of any name."""
    if "__init__" not in vars(target) or issubclass(target, nn.RNN):
        return False
    return any(p.kind == p.VAR_KEYWORD for p in inspect.signature(target).parameters.values())


def _called(call: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """The call, by position where a name cannot be used."""
    positional = [p.name for p in _parameters(call) if p.kind == p.POSITIONAL_ONLY and p.name in given]
    return call(*(given[name] for name in positional), **{k: v for k, v in given.items() if k not in positional})


def _method(target: type) -> str:
    found = next((name for name in _METHODS if callable(getattr(target, name, None)) and name != "__call__"), None)
    if "__call__" in vars(target):
        return "__call__"
    if found is None:
        raise CandidateError(f"candidate {target.__name__}: it has none of the methods {', '.join(_METHODS)}")
    return found


def _strings(function: Callable[..., Any], module: Any) -> dict[str, None]:
    """The strings in a function's code, in order: the keys it takes from a dict are among them."""
    found = [constant for code in _codes(function, module) for constant in code.co_consts if isinstance(constant, str)]
    return dict.fromkeys(text for text in found if text.isidentifier())


def _codes(function: Callable[..., Any], module: Any) -> list[Any]:
    """The code of a function, of the functions inside it, and of those of its module that it calls."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None or module is None:
        return []
    todo, seen = [code], dict[Any, None]()
    while todo:
        code = todo.pop(0)
        if code in seen:
            continue
        seen[code] = None
        todo += [constant for constant in code.co_consts if inspect.iscode(constant)]
        called = (vars(module).get(name) for name in code.co_names)
        todo += [
            other.__code__ for other in called if inspect.isfunction(other) and other.__module__ == module.__name__
        ]
    return list(seen)


def _used_globals(function: Callable[..., Any], module: Any) -> dict[str, Any]:
    """The tensors, dicts of tensors, nn.RNN and sizes that a function reads from its module, by name."""
    names = dict.fromkeys(name for code in _codes(function, module) for name in code.co_names)
    found = {}
    for name in [name for name in names if name in vars(module)]:
        value = vars(module)[name]
        numbers = isinstance(value, int | str) and option(name) is not None
        tensors = is_array(value) or (
            isinstance(value, list | tuple | dict)
            and bool(value)
            and all(map(is_array, value.values() if isinstance(value, dict) else value))
        )
        if numbers or tensors or isinstance(value, nn.RNN):
            found[name] = value
    return found


class _globals_set:
    """Globals of a module replaced for the time of a call."""

    def __init__(self, module: Any, values: Mapping[str, Any]) -> None:
        self._module, self._values = module, values

    def __enter__(self) -> None:
        if self._values:
            self._before = {name: vars(self._module)[name] for name in self._values}
            vars(self._module).update(self._values)

    def __exit__(self, *_: object) -> None:
        if self._values:
            vars(self._module).update(self._before)


def _nn_rnn(case: Case, target: type[nn.RNN] = nn.RNN) -> nn.RNN:
    rnn = case.rnn
    return target(
        rnn.input_size, rnn.hidden_size, num_layers=rnn.num_layers, nonlinearity=rnn.nonlinearity, bias=rnn.bias,
        batch_first=rnn.batch_first, dropout=rnn.dropout, bidirectional=rnn.bidirectional,
    )  # fmt: skip


def _trial_case(layers: int, directions: int, bias: bool = True) -> Case:
    sizes = {"input_size": TRIAL_INPUT, "hidden_size": TRIAL_HIDDEN, "num_layers": layers, "bias": bias}
    return altered(Case(), rnn=sizes | {"bidirectional": directions == 2})
