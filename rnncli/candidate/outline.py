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
from rnncli.core.errors import CandidateError, ConfigError

Definition = ast.FunctionDef | ast.ClassDef

_STEP = re.compile("cell|step", re.IGNORECASE)
_METHODS = ("forward", "__call__", "run", "step", "forward_pass", "rnn_forward")
_LAYERS = {"RNN", "RNNBase", "RNNCell", "RNNCellBase", "GRU", "GRUCell", "LSTM", "LSTMCell"}
_MODULES = {"Module", "ScriptModule", *_LAYERS}


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

    Raises ConfigError where the file cannot be read, and CandidateError where it is no Python.
    """
    tree = ast.Module([node for part in _trees(path) for node in part.body], [])
    defined = [one for node in tree.body if (one := _definition(node))]
    latest = {node.name: node for node in defined}  # a name that is defined twice is its last definition
    found = [node for node in latest.values() if _could_be_a_layer(node, latest)]
    read = {node.name: {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} for node in found}
    used = {name for own, names in read.items() for name in names if name in latest and name != own}
    found.sort(key=lambda node: node.name in used)
    whole = [node for node in found if node.name not in used or not _STEP.search(node.name)]
    return [_outlined(node, latest) for node in (whole or found)]


def _trees(path: Path) -> Iterator[ast.Module]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        sources = code_cells(text) if path.suffix == ".ipynb" else [text]
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text file (byte {error.start} is not UTF-8); allowed: Python") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
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
            raise CandidateError(f"candidate {path}:{line}: not valid Python: {getattr(error, 'msg', error)}") from None


def _definition(node: ast.stmt) -> Definition | None:
    """Return the function or class that a statement defines: of `rnn = lambda x, h: ...`, a function."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda(args=arguments, body=body)):
            returned = ast.Return(body)
            return ast.FunctionDef(name=name, args=arguments, body=[returned], decorator_list=[], lineno=node.lineno)
        case ast.FunctionDef() | ast.ClassDef():
            return node
    return None


def _could_be_a_layer(node: Definition, others: dict[str, Definition]) -> bool:
    if node.name.startswith("_") or node.name.lower().startswith("test"):
        return False
    if isinstance(node, ast.ClassDef) and any(name_of(base) == "Function" for base in node.bases):  # autograd's
        return False
    if isinstance(node, ast.ClassDef):
        own = [inner for one in _with_bases(node, others) for inner in one.body if isinstance(inner, ast.FunctionDef)]
        runs = [inner for name in _METHODS for inner in own if inner.name == name]
        return len(arguments_of(runs[0])) > 1 if runs else bool(_bases(node, others) & _LAYERS)
    names = arguments_of(node)
    roles = [role(name) or ("weight" if slot(name).kind else None) for name in names]
    beside = bool({"state", "params", "weight", "case"} & set(roles))
    if "input" in roles or "projected" in roles:
        return beside or len(names) > 1
    return (beside and len(names) > 2) or {"input_size", "hidden_size"} <= set(roles)


def _with_bases(node: ast.ClassDef, others: dict[str, Definition], depth: int = 0) -> Iterator[ast.ClassDef]:
    yield node
    for base in [others.get(name_of(base)) for base in node.bases] if depth < 5 else []:
        if isinstance(base, ast.ClassDef):
            yield from _with_bases(base, others, depth + 1)


def _bases(node: ast.ClassDef, others: dict[str, Definition]) -> set[str]:
    """Return the names of its bases, and theirs, that the file does not define."""
    return {name_of(base) for one in _with_bases(node, others) for base in one.bases} - set(others)


def _outlined(node: Definition, others: dict[str, Definition]) -> Outlined:
    if isinstance(node, ast.FunctionDef):
        return Outlined(node.name, tuple(arguments_of(node)), "function", node.lineno)
    made = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
    kind = "nn.Module" if _bases(node, others) & _MODULES else "class"
    return Outlined(node.name, tuple(arguments_of(made[0])[1:] if made else ()), kind, node.lineno)
