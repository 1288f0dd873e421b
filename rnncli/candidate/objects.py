"""A candidate that is a class, a factory or an object: constructed for a case, with its tensors set to nn.RNN's."""

import contextlib
import copy
import functools
import inspect
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rnncli.candidate import meanings, signature, source
from rnncli.candidate.constructed import constructed
from rnncli.candidate.constructor import Constructor
from rnncli.candidate.function import Function, rnn_of
from rnncli.candidate.load import default_dtype
from rnncli.candidate.names import EXACT, option, role, slot
from rnncli.candidate.native import SET, Native, globals_set, option_value
from rnncli.candidate.places import held_by, with_own_tensors_in_slices
from rnncli.candidate.weights import Binding, Row
from rnncli.candidate.wiring import Wiring
from rnncli.core.case import Case
from rnncli.core.cells import CELLS, Cell
from rnncli.core.errors import CandidateError, described
from rnncli.core.words import joined

_RESETS = ("reset", "reset_state", "reset_hidden", "reset_states", "reset_hidden_state", "init_hidden", "init_state")
PlanKey = tuple[int, int, bool]  # num_layers, directions, bias

_INTERFACE = {"num_layers", "bidirectional", "batch_first", "nonlinearity", "dropout"}


class Object(Native):
    """A class, a factory or an object. `plans`: its wirings, as they are told."""

    def __init__(self, name: str, target: Any, module: Any, cell: Cell) -> None:
        self.target, self.module, self.cell = target, module, cell
        self.of_class = inspect.isclass(target)
        self.fixed = not (self.of_class or inspect.isfunction(target) or isinstance(target, functools.partial))
        by_torchs_constructor = self.of_class and not _has_arguments_of_its_own(target)
        self.of_layer = by_torchs_constructor and issubclass(target, getattr(nn, cell.name))
        of_cell = by_torchs_constructor and issubclass(target, getattr(nn, f"{cell.name}Cell"))
        self.of_torch = self.of_layer or of_cell
        parameters = [] if self.fixed or self.of_torch else signature.parameters_of_constructor(target)
        self.constructor = Constructor(target, module, cell, parameters)
        self.cell_class = self.constructor.cell_class
        self.has_output_size = "output_size" in self.constructor.meanings
        self._objects: dict[Any, Any] = {}
        self.plans: dict[PlanKey, Wiring] = {}
        self.building_call: Callable[[Any, Case, torch.dtype], object] | None = None  # which makes weights
        self.method = "__call__"
        cls, call = self._called(name)
        super().__init__(name, call, target if cls is None else cls, module, True, cell)
        self.is_module = cls is not None and issubclass(cls, nn.Module)
        self.kind = "module" if self.is_module else "class" if self.of_class else "object" if self.fixed else "factory"
        self.set_globals = self._globals_to_set(call)
        self.returns_tensors = self.returns_tensors or (self.is_module and self._has_our_names())
        self.drop_in = self.of_layer or len(self.constructor.meanings & _INTERFACE) >= 3

    def _called(self, name: str) -> tuple[type | None, Any]:
        """Return the class of what is called, if it is no function, and what has the signature of a call."""
        cls = self.target if self.of_class else type(self.target)
        if not self.of_class and not self.fixed:
            try:
                made = self._constructed(_case_of(self.cell))
            except Exception as error:
                raise CandidateError(f"candidate {name}: it raised {described(error)}") from error
            if not callable(made):
                raise CandidateError(f"candidate {name}: it returns a {type(made).__name__}, which cannot be called")
            if inspect.isfunction(made):
                return None, made
            cls = type(made)
        scripted = issubclass(cls, torch.jit.ScriptModule) and not getattr(cls, "_methods", None)
        if scripted or cls.__name__ == "OptimizedModule":  # of torch.compile, whose import takes two seconds
            raise CandidateError(f"candidate {name}: it is compiled, which keeps nothing of its source: name its class")
        self.method, call = meanings.call_of(cls)
        return cls, call

    def _globals_to_set(self, call: Any) -> tuple[str, ...]:
        """Return the globals that fix a size, which the call or the constructor reads and no argument gives."""
        constructor = self.target.__init__ if self.of_class else None
        functions = [call, constructor] if inspect.isfunction(constructor) else [call]
        found = {name: value for one in functions for name, value in source.globals_of(one, self.module).items()}
        numbers = [name for name, value in found.items() if isinstance(value, int) and not isinstance(value, bool)]
        return tuple(name for name in numbers if option(name) in {*SET} - self.constructor.meanings)

    def _has_our_names(self) -> bool:
        """Return whether all its parameters have nn.RNN's own names: it promises what nn.RNN does."""
        try:
            with warnings.catch_warnings(action="ignore"):  # of sizes that are not the case's
                names = [name for name, _ in self.made(_case_of(self.cell), torch.float32).named_parameters()]
        except Exception:
            return False
        return bool(names) and all(EXACT.fullmatch(name) for name in names)

    def claims(self, name: str) -> bool:
        """Return whether the constructor, the call, or a global that is set for it takes an argument of nn.RNN."""
        claimed = self.constructor.meanings | self.constructor.asks | {option(key) for key in self.set_globals}
        claimed |= {"num_layers"} if "hidden_sizes" in claimed else set()  # one for each layer
        return super().claims(name) or name in claimed or (self.of_layer and name != "reverse")

    def names_of(self, meaning: str) -> list[str]:
        """Return the arguments of this meaning, of the constructor and of the call."""
        return [
            *(name for name, meant in self.constructor.arguments.items() if meant == meaning),
            *super().names_of(meaning),
        ]

    def described(self) -> str:
        made = ", ".join(self.constructor.arguments) or "no arguments"
        return f"it is constructed with {made}, and called with {', '.join(self.arguments) or 'no arguments'}"

    def bindings(self) -> Iterator[Binding]:
        """Yield arrays or tensors: its weights lie as the object has them."""
        yield from (Binding(numpy=arrays) for arrays in self.arrays)

    @functools.cached_property
    def own_sizes(self) -> Mapping[str, int]:
        """The sizes that it has whatever the case: a layer of torch inside tells them, or its matrices.

        Those of a module that is constructed are the ones with which no tensor changes its shape.
        """
        if self.fixed:
            return _sizes_of(self.target, self.cell)
        if self.of_torch:
            return {}
        with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
            made, wider, higher = self._made_at((20, 40, 3), (9, 40, 3), (20, 11, 3))
            shapes, told = [one.shape for one in held_by(made)], _sizes_of(made, self.cell)
            others = {"input_size": wider, "hidden_size": higher}
            same = [name for name, other in others.items() if [one.shape for one in held_by(other)] == shapes]
            again = [_sizes_of(other, self.cell) for other in others.values()]  # a square one has one for both
            return {
                name: told[name] for name in same if name in told and all(one.get(name) == told[name] for one in again)
            }
        return {}

    @functools.cached_property
    def constant_sizes(self) -> frozenset[int]:  # type: ignore[override]
        """The sizes that its tensors have whatever the case, as of a head with a number of classes of its own."""
        if self.fixed or self.of_torch:
            return frozenset()
        with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
            one, other = (
                {size for held in held_by(made) for size in held.shape}
                for made in self._made_at((20, 40, 3), (23, 29, 31))
            )
            return frozenset(one & other)
        return frozenset()

    @functools.cached_property
    def _one_size(self) -> str | None:
        """The argument that is both its input_size and its hidden_size: its matrices are square whatever it is."""
        sizes = [name for name, meant in self.constructor.arguments.items() if meant in ("input_size", "hidden_size")]
        if self.fixed or self.of_torch or len(sizes) != 1:
            return None
        with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
            told = [_sizes_of(made, self.cell) for made in self._made_at((20, 11, 3), (11, 20, 3))]
            return sizes[0] if all(told) and all(len({*one.values()}) == 1 for one in told) else None
        return None

    def _made_at(self, *sizes: tuple[int, int, int]) -> list[Any]:
        """Return the object at several sizes: of the input, of the states, and of a head."""
        cases = [(_case_of(self.cell, input_size=one, hidden_size=other), head) for one, other, head in sizes]
        return [self.made(case, torch.float32, output_size=head) for case, head in cases]

    def other_sizes(self, case: Case) -> str | None:
        """Return in words the sizes that it has whatever the case, and the flags to add, if the case has others."""
        others = {name: size for name, size in self.own_sizes.items() if getattr(case.rnn, name) != size}
        if (size := self._one_size) and case.rnn.input_size != case.rnn.hidden_size:
            flags = f"--input-size {case.rnn.hidden_size} --hidden-size {case.rnn.hidden_size}"
            asked = f"{case.rnn.input_size} and {case.rnn.hidden_size}"
            return f"its {size} is both input_size and hidden_size, and the case has {asked}: add {flags}"
        if not others:
            return None
        has = joined([f"{name} {size}" for name, size in others.items()])
        asked = joined([str(getattr(case.rnn, name)) for name in others])
        flags = " ".join(f"--{name.removeprefix('num_').replace('_', '-')} {size}" for name, size in others.items())
        return f"it was constructed with {has}, and the case has {asked}: add {flags}"

    def told_of_one(self) -> str | None:
        """Return in words the size that is 1 whatever the case, where its matrix has one row or column."""
        ones = [name for name, size in self.own_sizes.items() if size == 1]
        why = "and a matrix with one row or column cannot be told from a bias: make that an argument"
        return f"it is always constructed with {ones[0]} 1, {why}" if ones else None

    def made(
        self, case: Case, dtype: torch.dtype, seed: int = 0, output_size: int | None = None, device: Any = "cpu"
    ) -> Any:
        """Return the object for the sizes of a case, with weights of its own drawn from a seed.

        `device`: what a constructor that asks for a device is given.
        """
        with torch.random.fork_rng(devices=[]), _numpy_seeded(seed), globals_set(self.module, self._sizes(case)):
            torch.default_generator.manual_seed(seed)  # torch.manual_seed formats a stack for each device type
            made = copy.deepcopy(self.target) if self.fixed else self._constructed(case, output_size, device)
            made = with_own_tensors_in_slices(made.to(dtype)) if isinstance(made, nn.Module) else made
            if self.building_call:
                self.building_call(made, case, dtype)
        return made

    def _constructed(self, case: Case, output_size: int | None = None, device: Any = "cpu") -> Any:
        if self.of_torch:
            return rnn_of(case, self.target)
        try:
            return self.constructor.make(case, output_size, device, self.reversing)
        except Exception:
            if not self.is_module or torch.get_default_dtype() == torch.float32:
                raise
        with default_dtype(torch.float32):  # as `FloatTensor(n).set_(torch.eye(n))` needs it
            return self.constructor.make(case, output_size, device, self.reversing)

    def _sizes(self, case: Case) -> dict[str, Any]:
        return {name: option_value(option(name) or "", case) for name in self.set_globals}

    def run(self, made: Any, x: Any, state: Any, case: Case, binding: Binding) -> Any:
        """Return what an object returns, with whatever weights it has."""
        _set_mode(made, case.run.train)
        given: dict[str, Any] = {}
        for name, meant in self.arguments.items():
            given |= self.given(name, meant, x, state, case, binding) if isinstance(meant, str) else {}
        for name, meant in self.constructor.arguments.items():
            if meant in ("seq_len", "batch_size") and type(getattr(made, name, None)) is int:
                setattr(made, name, option_value(str(meant), case))  # it was constructed for calls of one size
        call = made if inspect.isfunction(made) else getattr(made, self.method)
        with globals_set(self.module, self._sizes(case)):
            return self.unpacked(signature.called(call, given), x, case)

    def call(self, x: Any, state: Any, params: Mapping[str, Tensor], case: Case, binding: Binding) -> Any:
        """Return what the object returns with nn.RNN's parameters in its places."""
        like = next(iter(params.values()))
        sizes = tuple(getattr(case.input, name) for name in ("batch_size", "seq_len") if self.claims(name))
        key = (case.rnn, like.dtype, like.device, torch.get_default_dtype(), sizes, self.part)
        if key not in self._objects:
            made = self.made(case, like.dtype, device=like.device)
            made = made.to(like.device) if isinstance(made, nn.Module) else made
            self._objects[key] = made, held_by(made)
        made, held = self._objects[key]
        if plan := self.plan(case):
            names = {name for one in held for name in one.names}
            if absent := [name for name in plan.tensors if name not in names]:
                raise CandidateError(f"candidate {self.name}: not readable: at other sizes it has no {absent[0]}")
            plan.set(made, held, params, binding, watch=self.watch)
        return self.run(made, x, state, case, binding)

    def plan(self, case: Case) -> Wiring | None:
        """Return the wiring for a case, if it is told."""
        return self.plans.get(plan_key(case))

    def wiring(self, case: Case, _: Binding) -> tuple[Row, ...]:
        """Return each tensor of the object, the weight it was given, and why."""
        plan = self.plan(case)
        return plan.rows() if plan else ()

    def forget(self) -> None:
        """Forget the objects of earlier calls."""
        self._objects.clear()

    def begin(self, case: Case, params: Mapping[str, Tensor]) -> None:
        """Forget the state of an earlier sequence: by the object's own method, or with a new object."""
        dtype = next(iter(params.values())).dtype
        for key in [key for key in self._objects if key[:2] == (case.rnn, dtype)]:
            if not reset(self._objects[key][0]):
                del self._objects[key]


def _has_arguments_of_its_own(target: type) -> bool:
    """Return whether a class has a constructor that names all of its arguments, and hands none on."""
    own = None if target.__module__.startswith("torch.") else vars(signature.with_constructor(target)).get("__init__")
    kinds = {p.kind for p in inspect.signature(own).parameters.values()} if inspect.isfunction(own) else set()
    starred = {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
    return bool(kinds) and not kinds & starred


def plan_key(case: Case) -> PlanKey:
    """Return what of a case an object is wired for."""
    return case.rnn.num_layers, case.rnn.directions, case.rnn.bias


def _sizes_of(made: Any, cell: Cell) -> dict[str, int]:
    modules = dict(made.named_modules()) if isinstance(made, nn.Module) else {}
    inside = [one for one in modules.values() if isinstance(one, nn.RNNBase | nn.RNNCellBase)]
    if len(inside) == 1:
        told = ("input_size", "hidden_size", "num_layers", "proj_size")
        return {name: getattr(inside[0], name) for name in told if hasattr(inside[0], name)}
    linear = {f"{name}.weight" for name, one in modules.items() if isinstance(one, nn.Linear)}
    tables = {f"{name}.weight" for name, one in modules.items() if isinstance(one, nn.Embedding)}
    held = [one for one in held_by(made) if one.name not in tables]
    of_linear = [one.shape for one in held if one.name in linear]
    others = [one.shape for one in held if one.name not in linear and len(one.shape) == 2]
    gates, shapes = len(cell.gates), {*of_linear, *others, *(shape[::-1] for shape in others)}
    shapes = {shape for shape in shapes if len(shape) == 2}
    square = {columns for rows, columns in shapes if rows == columns}
    hidden = square | {columns for rows, columns in shapes if rows == gates * columns and rows not in square}
    if len(hidden) != 1:
        return {} if hidden else _sizes_of_joined(Counter(of_linear), gates)
    size = min(hidden)
    features = {columns for rows, columns in shapes if rows in (size, gates * size)} - {size, gates * size}
    features -= {one + size for one in features}  # of one matrix for x and h
    features -= {1} if len(features) > 1 else set()  # of a bias that is a column
    alike = [one for one in held if len(one.shape) == 2 and {*one.shape} <= {size, gates * size}]
    all_have_it = all({*shape} & {size, gates * size} for shape in shapes)
    features = features or (hidden if len(alike) > 1 and all_have_it else set())
    return {"input_size": min(features), "hidden_size": size} if len(features) == 1 else {}


def _sizes_of_joined(shapes: Counter[tuple[int, ...]], gates: int) -> dict[str, int]:
    """Return the sizes that the commonest matrix tells, as one for both x and h, of one gate or of all of them."""
    for (rows, columns), count in shapes.most_common(1):
        hidden = rows if count >= gates else rows // gates
        return {"input_size": columns - hidden, "hidden_size": hidden} if columns > hidden else {}
    return {}


def _set_mode(made: Any, train: bool) -> None:
    """Put an object in training or in eval mode: once, so that what eval() keeps of the weights is seen to be kept."""
    if getattr(made, "training", train) is train:
        return
    try:
        (made.train if train else made.eval)()
    except (AttributeError, TypeError):  # no module, or its train() is a training loop
        made.training = train


def reset(made: Any) -> bool:
    """Reset the state of an object by its own method; return whether it has one that takes no argument."""
    methods = [method for name in _RESETS if callable(method := getattr(made, name, None))]
    try:
        methods[0]()
    except (TypeError, IndexError):
        return False
    return True


@contextlib.contextmanager
def _numpy_seeded(seed: int) -> Iterator[None]:
    numpy = sys.modules.get("numpy")
    before = numpy.random.get_state() if numpy else None
    if numpy:
        numpy.random.seed(seed)
    try:
        yield
    finally:
        if numpy:
            numpy.random.set_state(before)


def _case_of(cell: Cell, **arguments: Any) -> Case:
    return Case.model_validate({"rnn": {"cell": cell.name, **arguments}})


# -- what a candidate is -----------------------------------------------------------------------------------------------

AnyNative = Function | Object


def native_of(target: Any, name: str, cell: Cell = CELLS["RNN"]) -> AnyNative:
    """Return the candidate by what it is. Raises CandidateError where it is nothing that can be called."""
    module = source.module_of(target)
    if inspect.isclass(target) or (inspect.isfunction(target) and _is_factory(target)):
        kind = constructed if _is_made_with_weights(target) else Object
        return kind(name, target, module, cell)
    if isinstance(target, functools.partial) and (inspect.isfunction(target.func) or inspect.isclass(target.func)):
        bound = Object if inspect.isclass(target.func) else Function
        return bound(name, target, source.module_of(target.func), cell)
    if inspect.isroutine(target) or isinstance(target, torch.jit.ScriptFunction):
        return Function(name, target, module, cell)
    if callable(target):
        return Object(name, target, sys.modules.get(type(target).__module__), cell)
    raise CandidateError(f"candidate {name}: it is a {type(target).__name__}; expected a function or a class")


def _is_factory(function: Any) -> bool:
    """Return whether a function takes sizes or weights and no input: it makes an RNN."""
    parameters = signature.parameters_of(function)
    if not parameters:
        return True
    meanings = [option(p.name) or role(p.name) or ("slot" if slot(p.name).kind else None) for p in parameters]
    if {"slot", "params"} & set(meanings) and {"input", "state"} <= {role(p.name) for p in parameters}:
        return False  # `inp` and `hidden` are sizes where no weights stand beside them
    several = meanings.count("slot") >= 2 and sum(p.default is p.empty for p in parameters) >= 2
    made = several or {"input_size", "hidden_size"} <= set(meanings)
    return made and None not in meanings and not {"input", "projected", "state"} & set(meanings)


def _is_made_with_weights(target: Any) -> bool:
    if inspect.isclass(target) and issubclass(target, nn.RNNBase | nn.RNNCellBase):
        return False
    found = meanings.arguments_of_constructor(signature.parameters_of_constructor(target))
    return bool(meanings.weights_among(found)) or "params" in found.values()
