"""Layers that are taken for an RNN and are another: an LSTM, a GRU. They are told by name, before anything is tried."""

import ast
import inspect
import re
from collections.abc import Iterable
from typing import Any

from torch import nn

from rnncli.candidate import source
from rnncli.candidate.names import role
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
    trees = list(source.trees_of(target))
    if not trees and isinstance(target, nn.Module):
        trees = list(source.trees_of(type(target)))
    if any(_has_a_cell_state(node) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        return f"its state is a pair (h, c), as an LSTM's; {_HELP}"
    return None


def other_cell_inside(made: object) -> str | None:
    """Return which of torch's other layers a module holds, and under which name; None beside an RNN of torch."""
    if not isinstance(made, nn.Module) or any(isinstance(one, nn.RNN | nn.RNNCell) for one in made.modules()):
        return None
    for path, module in made.named_modules():
        for kinds in _OTHERS.values():
            if isinstance(module, kinds):
                return f"it holds an nn.{type(module).__name__} ({path}); {_HELP}"
    return None


def gated(shapes: Iterable[tuple[int, ...]], hidden: int) -> str | None:
    """Return what matrices of three or four times H_out rows or columns say of a layer."""
    found = [shape for shape in shapes if len(shape) == 2]
    for name, gates in _GATES.items():
        if any(gates * hidden in shape for shape in found):
            return f"a matrix of it has {gates}*H_out rows, as a {name} has for its {gates} gates; {_HELP}"
    return None


def gated_by_source(target: object) -> str | None:
    """Return what the source says of a layer that cannot be called: it cuts a product into three or four gates."""
    for node in (node for tree in source.trees_of(target) for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "chunk":
            counts = [part.value for part in node.args if isinstance(part, ast.Constant)]
            for name, gates in _GATES.items():
                if gates in counts:
                    return f"it cuts a product into {gates} gates, as a {name} does; {_HELP}"
    return None


def _has_a_cell_state(function: ast.FunctionDef) -> bool:
    """Return whether a function takes a state apart into h and c, or takes both and computes c anew with gates."""
    given = [one.arg for one in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Name) or node.value.id not in given:
            continue
        for names in map(_names_of, node.targets):
            if len(names) == 2 and role(names[0]) == "h_0" and _CELL_STATE.match(names[1].lower()):
                return True
    cells = [name for name in given if _CELL_STATE.match(name.lower())]
    words = {getattr(node.func, "attr", getattr(node.func, "id", "")) for node in ast.walk(function)
             if isinstance(node, ast.Call)}  # fmt: skip
    return bool(cells) and "sigmoid" in words and any(role(name) == "h_0" for name in given)


def _names_of(target: Any) -> list[str]:
    return [one.id for one in target.elts if isinstance(one, ast.Name)] if isinstance(target, ast.Tuple) else []
