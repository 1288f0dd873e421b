"""The functions and classes of a Python file that could be a recurrent layer, read from its source without running it.

No torch is imported here: the list of what is in a file comes at once.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rnncli.candidate.find import code_cells
from rnncli.candidate.names import role, slot
from rnncli.candidate.syntax import arguments_of, name_of
from rnncli.core.errors import ConfigError

Definition = ast.FunctionDef | ast.ClassDef

_STEP = re.compile("cell|step", re.IGNORECASE)
_METHODS = ("forward", "__call__", "run", "step", "forward_pass", "rnn_forward")
_RECURRENT_BASES = ("Module", "RNN", "RNNBase", "RNNCell", "RNNCellBase", "ScriptModule")


@dataclass(frozen=True)
class Outlined:
    """A definition that could be a candidate: its name, its arguments, what it is, and the line it begins at."""

    name: str
    arguments: tuple[str, ...]
    kind: str  # "function", "class" or "nn.Module"
    line: int

    @property
    def described(self) -> str:
        """Return the definition in a line: `rnn_forward(x, h, W_ih, W_hh)`."""
        return f"{self.name}({', '.join(self.arguments)})"


def outline(path: Path) -> list[Outlined]:
    """Return the candidates of a .py or .ipynb file: those that another of them uses stand last.

    A step or a cell that another one uses is a part of it, and no candidate beside it.

    Raises ConfigError where the file cannot be read or is no Python.
    """
    tree = ast.Module([node for part in _trees(path) for node in part.body], [])
    defined = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    latest = {node.name: node for node in defined}  # a name that is defined twice is its last definition
    found = [node for node in latest.values() if _could_be_a_layer(node, latest)]
    used = {name for node in found for name in _names_used(node) if name in latest and name != node.name}
    found.sort(key=lambda node: node.name in used)
    whole = [node for node in found if node.name not in used or not _STEP.search(node.name)]
    return [_outlined(node, latest) for node in (whole or found)]


def _trees(path: Path) -> Iterator[ast.Module]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text file (byte {error.start} is not UTF-8); allowed: Python") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        sources = code_cells(text) if path.suffix == ".ipynb" else [text]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(f"{path}: not a notebook; allowed: the JSON that Jupyter writes") from None
    for source in sources:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                yield ast.parse(source)
        except (SyntaxError, ValueError) as error:
            if path.suffix == ".ipynb":  # one cell that does not parse leaves the others
                continue
            line = getattr(error, "lineno", None) or 1
            raise ConfigError(f"{path}:{line}: not valid Python: {getattr(error, 'msg', error)}") from None


def _could_be_a_layer(node: Definition, others: dict[str, Definition]) -> bool:
    if node.name.startswith("_") or node.name.lower().startswith("test"):
        return False
    if isinstance(node, ast.ClassDef):
        run = _method(node, others)
        return run is not None and len(arguments_of(run)) > 1
    return _takes_a_sequence(arguments_of(node))


def _takes_a_sequence(names: list[str]) -> bool:
    roles = [role(name) or ("weight" if slot(name).kind else None) for name in names]
    beside = {"state", "params", "weight", "case"} & set(roles)
    if "input" in roles or "projected" in roles:
        return bool(beside) or len(names) > 1
    return (bool(beside) and len(names) > 2) or {"input_size", "hidden_size"} <= set(roles)


def _method(node: ast.ClassDef, others: dict[str, Definition], depth: int = 0) -> ast.FunctionDef | None:
    own = {inner.name: inner for inner in node.body if isinstance(inner, ast.FunctionDef)}
    bases = [others.get(name_of(base)) for base in node.bases]
    inherited = (_method(base, others, depth + 1) for base in bases if isinstance(base, ast.ClassDef) and depth < 5)
    return next((own[name] for name in _METHODS if name in own), None) or next(filter(None, inherited), None)


def _outlined(node: Definition, others: dict[str, Definition]) -> Outlined:
    if isinstance(node, ast.FunctionDef):
        return Outlined(node.name, tuple(arguments_of(node)), "function", node.lineno)
    made = next((one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None)
    arguments = tuple(arguments_of(made)[1:]) if made else ()
    module = any(_is_module(base, others) for base in node.bases)
    return Outlined(node.name, arguments, "nn.Module" if module else "class", node.lineno)


def _is_module(base: ast.expr, others: dict[str, Definition], depth: int = 0) -> bool:
    name = name_of(base)
    other = others.get(name)
    if isinstance(other, ast.ClassDef) and depth < 5:
        return any(_is_module(one, others, depth + 1) for one in other.bases)
    return name in _RECURRENT_BASES


def _names_used(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)}
