"""The constructor of a class or a factory: what each of its arguments stands for, and what it makes for a case."""

import inspect
import types
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from rnncli.candidate import meanings, signature, source
from rnncli.candidate.function import rnn_of
from rnncli.candidate.names import option, options
from rnncli.candidate.native import option_value
from rnncli.candidate.places import held_by
from rnncli.core.case import Case, RNNArguments
from rnncli.core.cells import Cell

_NOT_DEFAULTS = ("nonlinearity", "return_sequences", "return_state", "dropout")


class Constructor:
    """What makes an object for each case. `arguments`: what each stands for; `asks`: the options that its source asks
    for by name, of a config or of any keyword.
    """

    def __init__(self, target: Any, module: Any, cell: Cell, parameters: list[inspect.Parameter]) -> None:
        self.target, self.module, self.cell, self.of_class = target, module, cell, inspect.isclass(target)
        own = source.explicit_base_arguments(target) if self.of_class and parameters else set()
        self.cell_class, name_of_cell = self._cell_asked_for(parameters)
        parameters = signature.parameters_of_constructor(self.cell_class) if self.cell_class else parameters
        arguments = meanings.arguments_of_constructor(parameters)
        arguments = {name_of_cell: "cell class", **arguments} if self.cell_class else arguments
        self.arguments = {name: meant for name, meant in arguments.items() if name not in own}
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self._records = {p.name: signature.record_of(p.annotation, module) for p in parameters}
        self._takes_any = self.of_class and "input_size" not in self.meanings and signature.takes_any_keyword(target)
        self._takes_any = self._takes_any or "layer" in self.meanings
        asked = options(self._texts_of_settings()) if self._takes_any or "config" in self.meanings else {}
        self.asks = set(asked.values())
        self._of_input = [name for name, meant in asked.items() if meant == "input_size"]
        self._tell_options()
        self._tell_sizes()

    @property
    def meanings(self) -> set[Any]:
        """Return what its arguments stand for."""
        return set(self.arguments.values())

    def set_against_default(self, case: Case) -> Iterator[str]:
        """Yield what it is given where its default is another: an activation, all steps of output, p."""
        for name, meant in self.arguments.items():
            default = self.defaults.get(name)
            if meant in _NOT_DEFAULTS and default is not None and not self._is_left(name, case):
                value = option_value(str(meant), case, default, name)  # of modules the two are never equal
                same = value == default if meant == "dropout" else _shown(value) == _shown(default)
                yield from [] if same else [f"{name}={_shown(value)}"]

    def _is_left(self, name: str, case: Case) -> bool:
        """Return whether a probability of dropout stays at its default: in eval mode, where one of zoneout acts too."""
        asked = case.run.train or case.rnn.dropout
        return self.arguments[name] == "dropout" and name in self.defaults and not asked

    def make(
        self, case: Case, output_size: int | None = None, device: Any = "cpu", reversing: bool = False, **others: Any
    ) -> Any:
        """Return what it makes for a case; `reversing`, `output_size` and `others` are given to what asks for them."""
        given = dict[str, Any]()
        for name, meant in self.arguments.items():
            if meant == "output_size" and output_size:
                given[name] = output_size
            elif meant == "cell class":
                given[name] = self.cell_class
            elif meant == "layer":
                given[name] = rnn_of(case)
            elif meant == "device":
                given[name] = torch.device(device)
            elif meant == "reverse":
                given |= {name: reversing} if reversing or name not in self.defaults else {}
            elif isinstance(meant, str) and meant != "left out" and not self._is_left(name, case):
                value = option_value(meant, case, self.defaults.get(name), name)
                if meant == "config":
                    value |= dict.fromkeys(self._of_input, value["input_size"])
                    record = self._records[name]
                    value = record(**value.of(record)) if record else value
                given[name] = value
        if self._takes_any and "layer" not in self.meanings:
            given |= {name: option_value(name, case) for name in self.asks if name in RNNArguments.model_fields}
        given |= others
        if not self.of_class or not signature.starred(self.target.__init__):
            return signature.called(self.target, given)
        try:
            return self.target(**given)
        except TypeError:  # its arguments go to the base class in order
            return self.target(*given.values())

    def _cell_asked_for(self, parameters: list[inspect.Parameter]) -> tuple[Any, str]:
        """Return the cell of the module for a class that is constructed with one and its arguments: `cell, *args`."""
        names = [p.name for p in parameters if p.default is p.empty and p.name in ("cell", "cell_class", "cell_cls")]
        of_module = vars(self.module).items() if names and self.of_class and self.module else ()
        found = [one for name, one in of_module if name.lower() == f"{self.cell.name.lower()}cell"]
        given_on = bool(found) and signature.starred(self.target.__init__) is not None
        return (found[0], names[0]) if given_on else (None, "")

    def _texts_of_settings(self) -> Iterator[str]:
        """Yield the names and texts in a constructor; where it takes a config, the fields of its record, and what any
        method reads of it.
        """
        if not self.of_class:
            return
        code = getattr(vars(signature.with_constructor(self.target)).get("__init__"), "__code__", None)
        yield from _texts_of(code) if code else ()
        for record in filter(None, self._records.values()):
            yield from signature.fields_of(record)
        if "config" in self.meanings:
            yield from source.read_of(source.functions_behind(self.target, self.module), meanings.CONFIGS)

    # -- what its arguments stand for, by experiment -------------------------------------------------------------------

    def _tell_options(self) -> None:
        """Tell what the arguments stand for whose names say nothing, by what they add to the object.

        A number of layers adds as many tensors again, of which some read the layer below, and a direction the same
        again; a probability of dropout is found in its modules.
        """
        silent = [name for name, meant in self.arguments.items() if meant == "left out"]
        for name in [name for name in silent if type(self.defaults.get(name)) in (bool, int, float)]:
            default = self.defaults[name]
            if isinstance(default, float):
                modules = self._made_with({name: 0.37})[0]
                meant = "dropout" if any(getattr(one, "p", None) == 0.37 for one in modules) else ""
            else:
                fewer, more = (False, True) if isinstance(default, bool) else (1, 2)
                one, two = self._made_with({name: fewer})[1], self._made_with({name: more})[1]
                again = two.total() == 2 * one.total() > 2
                numbers = again and not isinstance(default, bool)
                meant = "bidirectional" if again and two == one + one else "num_layers" if numbers else ""
            if meant and meant not in self.meanings:
                self.arguments[name] = meant

    def _tell_sizes(self) -> None:
        """Exchange two sizes that the order of the arguments told where tensors tell otherwise: those of hidden_size
        are square or vectors, but for rows of several gates.
        """
        by_name = {"input_size", "hidden_size"} & {option(name) for name in self.arguments if name != "d_model"}
        sizes = {meant: name for name, meant in self.arguments.items() if meant in ("input_size", "hidden_size")}
        if by_name or len(sizes) < 2:
            return
        shapes = self._made_with({sizes["input_size"]: 5, sizes["hidden_size"]: 7})[1]
        gates = range(1, len(self.cell.gates) + 1)
        square = {size: any({*shape} <= {size * k for k in gates} for shape in shapes) for size in (5, 7)}
        if square[5] and not square[7]:
            self.arguments |= {sizes["input_size"]: "hidden_size", sizes["hidden_size"]: "input_size"}

    def _made_with(self, given: Mapping[str, Any]) -> tuple[list[nn.Module], Counter[tuple[int, ...]]]:
        """Return the modules and the shapes of the tensors of what it makes; none where it raises."""
        try:
            with torch.random.fork_rng(devices=[]):
                made = self.make(Case.model_validate({"rnn": {"cell": self.cell.name}}), **given)
        except Exception:
            return [], Counter()
        modules = list(made.modules()) if isinstance(made, nn.Module) else []
        return modules, Counter(tuple(one.shape) for one in held_by(made))


def _shown(value: Any) -> str:
    """Return a value as it is written: a function of torch has an address in its repr()."""
    return getattr(value, "__name__", None) or repr(value)


def _texts_of(code: types.CodeType) -> Iterator[str]:
    """Yield the names and texts in a code object, and in the comprehensions inside it."""
    for one in (*code.co_names, *code.co_consts):
        if isinstance(one, types.CodeType):
            yield from _texts_of(one)
        elif isinstance(one, str):
            yield one
