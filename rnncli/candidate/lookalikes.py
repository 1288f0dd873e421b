"""Layers that are taken for an RNN and are another: an LSTM, a GRU. They are told by name, before anything is tried."""

import ast
import inspect
import re
from collections.abc import Iterable

from torch import nn

from rnncli.candidate import source
from rnncli.candidate.names import role
from rnncli.candidate.syntax import arguments_of, called
from rnncli.core.errors import CandidateError

_OTHERS: dict[str, tuple[type, ...]] = {"LSTM": (nn.LSTM, nn.LSTMCell), "GRU": (nn.GRU, nn.GRUCell)}
_GATES = {"LSTM": 4, "GRU": 3}
_CELL_STATE = re.compile(r"^(prev_?|next_?|new_?)?(c|cx|cell|cell_?state|ct)(_?(0|n|t|x|prev|next|new|tm1|state))?$")
_HELP = "rnncli judges nn.RNN, which has one state h and no gates"


class AnotherCellError(CandidateError):
    """The candidate is an LSTM or a GRU."""


def other_cell(target: object) -> str | None:
    """Return what a candidate is instead of an RNN: one of torch's other layers, or code that has a state (h, c)."""
    made = target if inspect.isclass(target) else type(target)
    for name, kinds in _OTHERS.items():
        if issubclass(made, kinds):
            own = f"nn.{made.__name__}" if made.__module__.startswith("torch.") else f"nn.{name} by inheritance"
            return f"it is {own}; {_HELP}"
    nodes = source.nodes_of(target) or (source.nodes_of(type(target)) if isinstance(target, nn.Module) else [])
    if any(_has_a_cell_state(node) for node in nodes if isinstance(node, ast.FunctionDef)):
        return f"its state is a pair (h, c), as an LSTM's; {_HELP}"
    return None


def other_cell_inside(made: object) -> str | None:
    """Return which of torch's other layers a module holds, and under which name; None beside an RNN of torch."""
    if not isinstance(made, nn.Module) or any(isinstance(one, nn.RNN | nn.RNNCell) for one in made.modules()):
        return None
    kinds = tuple(kind for kinds in _OTHERS.values() for kind in kinds)
    held = ((path, type(module).__name__) for path, module in made.named_modules() if isinstance(module, kinds))
    return next((f"it holds an nn.{name} ({path}); {_HELP}" for path, name in held), None)


def gated(shapes: Iterable[tuple[int, ...]], hidden: int) -> str | None:
    """Return what matrices of three or four times H_out rows or columns say of a layer."""
    sizes = {size for shape in shapes if len(shape) == 2 for size in shape}
    found = next((name for name, gates in _GATES.items() if gates * hidden in sizes), None)
    if found is None:
        return None
    return f"a matrix of it has {_GATES[found]}*H_out rows, as a {found} has for its {_GATES[found]} gates; {_HELP}"


def gated_by_source(target: object) -> str | None:
    """Return what the source says of a layer that cannot be called: it cuts a product into three or four gates."""
    counts = {part.value for node in source.nodes_of(target) if isinstance(node, ast.Call) and called(node) == "chunk"
              for part in node.args if isinstance(part, ast.Constant)}  # fmt: skip
    found = next((name for name, gates in _GATES.items() if gates in counts), None)
    return f"it cuts a product into {_GATES[found]} gates, as a {found} does; {_HELP}" if found else None


def _has_a_cell_state(function: ast.FunctionDef) -> bool:
    """Return whether a function takes a state apart into h and c, or takes both and computes c anew with gates."""
    given = arguments_of(function)
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in given:
            for target in [target for target in node.targets if isinstance(target, ast.Tuple)]:
                names = [one.id for one in target.elts if isinstance(one, ast.Name)]
                if len(names) == 2 and role(names[0]) == "state" and _CELL_STATE.match(names[1].lower()):
                    return True
    cells = [name for name in given if _CELL_STATE.match(name.lower())]
    gates = any(called(node) == "sigmoid" for node in ast.walk(function))
    return bool(cells) and gates and any(role(name) == "state" for name in given)
