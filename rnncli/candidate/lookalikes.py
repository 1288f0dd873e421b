"""Layers that are taken for one cell and are another. They are told by name, before anything is tried."""

import ast
import inspect
from collections.abc import Iterable, Set
from typing import Any

from torch import nn

from rnncli.candidate import source
from rnncli.candidate.names import gates_among, is_cell_state, role
from rnncli.candidate.syntax import arguments_of, assigned_in, called, name_of
from rnncli.core.cells import CELLS, Cell
from rnncli.core.errors import CandidateError

_OF_TORCH: dict[str, tuple[type, ...]] = {
    "RNN": (nn.RNN, nn.RNNCell), "LSTM": (nn.LSTM, nn.LSTMCell), "GRU": (nn.GRU, nn.GRUCell)
}  # fmt: skip
_GATES = {name: len(cell.gates) for name, cell in reversed(CELLS.items()) if len(cell.gates) > 1}
_WITH_ARTICLE = {"RNN": "an RNN", "LSTM": "an LSTM", "GRU": "a GRU"}
_WITH_GATES = {"expit", "exp", "logistic", "chunk", "split", "lstm", "lstmcell", "gru", "grucell"}


class AnotherCellError(CandidateError):
    """The candidate is of another cell than the case."""


def other_cell(target: object, cell: Cell) -> str | None:
    """Return what a candidate is instead: another of torch's layers, or for a cell of one state an LSTM's code."""
    made = target if inspect.isclass(target) else type(target)
    for name, kinds in _OF_TORCH.items():
        if issubclass(made, kinds) and name != cell.name:
            own = f"nn.{made.__name__}" if made.__module__.startswith("torch.") else f"nn.{name} by inheritance"
            return f"it is {own}; {_help(name, cell)}"
    read = source.globals_of(target, source.module_of(target)) if inspect.isfunction(target) else {}
    for place, value in read.items():
        if isinstance(value, nn.RNNBase) and not isinstance(value, _OF_TORCH[cell.name]):
            layer = type(value).__name__
            return f"it reads an nn.{layer} of its module ({place}); {_help(layer, cell)}"
    nodes = source.nodes_of(target) or (source.nodes_of(type(target)) if isinstance(target, nn.Module) else [])
    has_cell_state = any(_has_a_cell_state(node) for node in nodes if isinstance(node, ast.FunctionDef))
    if has_cell_state and len(cell.states) == 1:
        return f"its state is a pair (h, c), as an LSTM's; {_help('LSTM', cell)}"
    return None


def other_cell_inside(made: object, cell: Cell) -> str | None:
    """Return which of torch's other layers a module holds, and under which name; None beside one of the cell's."""
    own = _OF_TORCH[cell.name]
    if not isinstance(made, nn.Module) or any(isinstance(one, own) for one in made.modules()):
        return None
    for path, module in made.named_modules():
        for name, kinds in _OF_TORCH.items():
            if isinstance(module, kinds):
                return f"it holds an nn.{type(module).__name__} ({path}); {_help(name, cell)}"
    return None


def gated(shapes: Iterable[tuple[int, ...]], hidden: int, cell: Cell, words: Set[str]) -> str | None:
    """Return what matrices of two, three or four times H_out rows or columns say, beside the words of the source."""
    sizes = {size for shape in shapes if len(shape) == 2 for size in shape}
    found = next((name for name, gates in _GATES.items() if gates * hidden in sizes and name != cell.name), None)
    if found is None and len(cell.gates) == 1 and 2 * hidden in sizes and any("sigm" in word for word in words):
        return f"a matrix of it has 2*H_out rows, as r and z of a GRU together; {_help('GRU', cell)}"
    if found is None or len(cell.gates) * hidden in sizes - {hidden}:
        return None
    rows = f"{_GATES[found]}*H_out rows, as {_WITH_ARTICLE[found]} has for its {_GATES[found]} gates"
    return f"a matrix of it has {rows}; {_help(found, cell)}"


def gated_by_source(target: Any, words: Set[str], cell: Cell) -> str | None:
    """Return what the source says of a layer that cannot be called: into how many gates it cuts a product, or none."""
    nodes = [node for code in source.codes_behind(target, source.module_of(target)) for node in source.nodes_of(code)]
    nodes = nodes or source.nodes_of(target)
    cuts = [node.args for node in nodes if isinstance(node, ast.Call) and called(node) == "chunk"]
    counts = {next((part.value for part in given if isinstance(part, ast.Constant)), None) for given in cuts}
    found = next((name for name, gates in _GATES.items() if gates in counts and name != cell.name), None)
    if found and len(cell.gates) not in counts:
        return f"it cuts a product into {_GATES[found]} gates, as {_WITH_ARTICLE[found]} does; {_help(found, cell)}"
    pair = any(_has_a_cell_state(node) for node in nodes if isinstance(node, ast.FunctionDef))
    names = {name_of(node) for node in nodes}
    gates = any("sigm" in word or word in _WITH_GATES for word in words | {name.lower() for name in names})
    gates = gates or any(_assigns_gates(node, cell) for node in nodes)  # a sigmoid may be written with tanh
    elsewhere = source.calls_other_files(target, source.module_of(target)) or (  # where its gates may be
        inspect.isclass(target) and issubclass(target, _OF_TORCH[cell.name])
    )
    if cell.name != "RNN" and nodes and not gates and not pair and not elsewhere:
        return f"no gate is in its code, and {cell.layer} has {len(cell.gates)}; {_help('RNN', cell)}"
    says_lstm = any("lstm" in word for word in words)  # it uses another class, which may have c
    says_lstm = says_lstm or any(map(is_cell_state, names)) or any(map(_is_second_state, nodes))
    if len(cell.states) > 1 and nodes and gates and not says_lstm:
        return f"no second state is in its code; {_help('GRU', cell)}"
    return None


def _assigns_gates(node: ast.AST, cell: Cell) -> bool:
    """Return whether a statement assigns to each gate by its name: `i, f, g, o = rows`."""
    elements = [one for one in getattr(node, "targets", ()) if isinstance(one, ast.Tuple)]
    return any(len(gates_among([name_of(one) for one in row.elts], cell)) == len(cell.gates) for row in elements)


def _is_second_state(node: ast.AST) -> bool:
    """Return whether a node takes the second part of a state: `hx[1]`."""
    if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value == 1):
        return False
    return role(name_of(node.value)) == "state"


def _help(name: str, cell: Cell) -> str:
    one = "one state" if len(cell.states) == 1 else f"the states {' and '.join(cell.states)}"
    gates = "no gates" if len(cell.gates) == 1 else f"{len(cell.gates)} gates"
    return f"the case is of {cell.layer}, which has {one} and {gates}: --cell {name} judges it as {CELLS[name].layer}"


def _has_a_cell_state(function: ast.FunctionDef) -> bool:
    """Return whether a function takes a state apart into h and c, or takes both and computes c anew with gates."""
    given = arguments_of(function)
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in given:
            for target in [target for target in node.targets if isinstance(target, ast.Tuple)]:
                names = [one.id for one in target.elts if isinstance(one, ast.Name)]
                if len(names) == 2 and role(names[0]) == "state" and is_cell_state(names[1]):
                    return True
    cells = [name for name in given if is_cell_state(name)]
    gates = any(called(node) == "sigmoid" for node in ast.walk(function))
    assigns = [node for node in ast.walk(function) if isinstance(node, ast.Assign) and name_of(node.value) not in cells]
    anew = any(is_cell_state(name_of(part)) for node in assigns for part in assigned_in(node))  # no `cr, cz, cn = c`
    return bool(cells) and anew and gates and any(role(name) == "state" for name in given)
