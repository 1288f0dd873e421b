"""What a candidate's source says: the names and strings in its code, its docstrings and comments, how it multiplies."""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from rnncli.candidate.names import option, role, slot
from rnncli.candidate.places import is_array


def trees_of(target: Any) -> Iterator[ast.Module]:
    """Yield the syntax tree of a function, of a class and of what a composed candidate is made of, where it has one."""
    for source in list(getattr(target, "__sources__", ())) or [target]:
        try:
            yield ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(source))))
        except (OSError, TypeError, SyntaxError, IndentationError):
            continue


def explicit_base_arguments(target: type) -> set[str]:
    """Return the arguments of a base class that the class gives itself: `super().__init__("RNN_TANH", *args)`."""
    own = vars(target).get("__init__")
    if own is None:
        return set()
    for node in (node for tree in trees_of(own) for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "__init__":
            count = 0
            for argument in node.args:
                if isinstance(argument, ast.Starred):
                    break
                count += 1
            base = next((base for base in target.__mro__[1:] if "__init__" in vars(base)), None)
            if base is None or not any(isinstance(a, ast.Starred) for a in node.args):
                return set()
            names = [p.name for p in list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]]
            return set(names[:count])
    return set()


def codes_of(function: Callable[..., Any], module: Any) -> list[Any]:
    """Return the code of a function, of the functions inside it, and of those of its module that it calls."""
    sources = getattr(function, "__sources__", None) or [function]
    todo = [one.__code__ for one in map(inspect.unwrap, sources) if hasattr(one, "__code__")]
    if module is None:
        return []
    seen = dict[Any, None]()
    while todo:
        code = todo.pop(0)
        if code in seen:
            continue
        seen[code] = None
        todo += [constant for constant in code.co_consts if inspect.iscode(constant)]
        others = (vars(module).get(name) for name in code.co_names)
        todo += [
            other.__code__ for other in others if inspect.isfunction(other) and other.__module__ == module.__name__
        ]
    return list(seen)


def strings_of(function: Callable[..., Any], module: Any) -> list[str]:
    """Return the strings in a function's code, in order; the keys that it takes from a dict are among them."""
    codes = codes_of(function, module)
    docs = {code.co_consts[0] for code in codes if code.co_consts and isinstance(code.co_consts[0], str)}
    docs = {text for text in docs if " " in text.strip()}
    found: list[str] = []
    for code in codes:
        for constant in code.co_consts:
            texts = constant if isinstance(constant, tuple) else (constant,)
            found += [text for text in texts if isinstance(text, str) and text not in docs]
    return list(dict.fromkeys(found))


def words_of(target: Any, module: Any) -> set[str]:
    """Return every name that the code of a function, or of the methods of a class, uses."""
    functions = [target]
    if inspect.isclass(target):
        functions = [value for base in target.__mro__ if base.__module__ == target.__module__
                     for value in vars(base).values() if inspect.isfunction(value)]  # fmt: skip
    words: set[str] = set()
    named = {name for function in functions for code in codes_of(function, module) for name in code.co_names}
    helpers = [vars(module).get(name) for name in named] if module is not None else []
    for helper in helpers:  # the classes of its module that it uses, but for what those use
        if inspect.isclass(helper) and helper is not target and helper.__module__ == module.__name__:
            functions = [*functions, *(value for value in vars(helper).values() if inspect.isfunction(value))]
    for function in functions:
        for code in codes_of(function, module):
            words |= {name.lower() for name in code.co_names}
            words |= {text.lower() for text in code.co_consts if isinstance(text, str) and text.isidentifier()}
    return words


def makes_devices(target: Any) -> bool:
    """Return whether the source names a device, as `torch.device("cpu")` or `device="cpu"`; True without a source."""
    trees = list(trees_of(target))
    for node in (node for tree in trees for node in ast.walk(tree)):
        name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        named = isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in ("cpu", "cuda")
        if name == "device" or named:
            return True
    return not trees


def globals_of(function: Callable[..., Any], module: Any) -> dict[str, Any]:
    """Return what a function reads from its module, by name: tensors, collections of them, nn.RNN modules, numbers."""
    names = dict.fromkeys(name for code in codes_of(function, module) for name in code.co_names)
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


def module_of(target: object) -> Any:
    """Return the module that a candidate was defined in."""
    return sys.modules.get(getattr(target, "__module__", None) or "")


def notes_on(target: Any) -> str:
    """Return what a candidate's docstrings and comments say, without its code."""
    sources = list(getattr(target, "__sources__", ())) or [target]
    found = []
    for source in sources:
        found.append(inspect.getdoc(source) or "")
        if inspect.isclass(source):
            found += [inspect.getdoc(value) or "" for value in vars(source).values() if inspect.isfunction(value)]
        try:
            lines = inspect.getsource(inspect.unwrap(source)).splitlines()
        except (OSError, TypeError):
            continue
        found += [line.partition("#")[2] for line in lines if "#" in line]
    return "\n".join(found)


def documented_shape(notes: str, name: str) -> list[str] | None:
    """Return the axes that docstrings and comments give an argument: `x (L, N, H_in)`, `hx: T x B x F`."""
    start = rf"(?<![\w.\[]){re.escape(name)}(?:`+|'|\")?\s*(?:\([a-zA-Z ._]*\)\s*)?"
    start += r"(?:,[^,()\n]{0,25}|[:=\-]+|is|are|has|have|of|a|the|shape|size|tensor"
    start += r"|array|numpy|torch|Tensor|Input data for every time-step,|Initial hidden state,|\s)*"
    for match in re.finditer(start + r"[\(\[]([^()\[\]\n]+)[\)\]]", notes):
        axes = [axis.strip().lower() for axis in match[1].split(",") if axis.strip()]
        if all(re.fullmatch(r"[\w*/ ]+", axis) for axis in axes) and axes not in (["0"], ["-1"], ["t"]):
            return axes
    crossed = re.search(start + r"((?:\w[\w*]*\s+x\s+)+\w[\w*]*)", notes)
    return [axis.strip().lower() for axis in re.split(r"\s+x\s+", crossed[1])] if crossed else None


def is_time(axis: str) -> bool:
    """Return whether a documented axis is that of time."""
    return bool(
        re.fullmatch(r"(l|t|t_x|n?_?time(_?steps?)?|timesteps?|seq\w*|n?_?steps|num_steps|length|tiempo)", axis)
    )


def unpacks(target: Any, name: str) -> bool | None:
    """Return whether the source takes an argument apart before it uses it: `h_0[0]`, `hx.squeeze(0)`, `list(hx)`.

    None where there is no source, or where the argument is not found in it.
    """
    found = [
        _takes_apart(node, name)
        for tree in trees_of(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and any(a.arg == name for a in node.args.args + node.args.kwonlyargs)
    ]
    return any(found) if found else None


_APART = {"squeeze", "unbind", "view", "reshape", "chunk", "split", "select", "flatten", "narrow", "unsqueeze",
          "transpose", "permute", "tolist", "index_select", "swapaxes"}  # fmt: skip


def _takes_apart(function: ast.FunctionDef, name: str) -> bool:
    names = {name}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in names:
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            if any(isinstance(target, ast.Tuple) for target in node.targets):
                return True
    for node in ast.walk(function):
        inner = getattr(node, "value", None) if isinstance(node, ast.Subscript | ast.Attribute) else None
        if isinstance(inner, ast.Name) and inner.id in names:
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and not _is_step_index(node):
                return True
            if isinstance(node, ast.Attribute) and node.attr in _APART:
                return True
        if isinstance(node, ast.For) and isinstance(node.iter, ast.Name) and node.iter.id in names:
            return True
        if isinstance(node, ast.comprehension) and isinstance(node.iter, ast.Name) and node.iter.id in names:
            return True
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("list", "tuple", "zip", "enumerate", "iter", "len")
            and any(isinstance(a, ast.Name) and a.id in names for a in node.args)
        ):
            return True
    return False


_PRODUCTS = {"matmul", "mm", "dot", "bmm", "mv"}


def rows_by_nature(target: Any) -> bool:
    """Return whether every product of the source has its weight on the right: `x @ W.T`, `F.linear(x, W)`, `fc(x)`.

    Such code takes any number of rows; `W @ x` takes columns, or one vector.
    """
    right = left = False
    for node in (node for tree in trees_of(target) for node in ast.walk(tree)):
        name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        right = right or name in ("linear", "Linear", "RNNCell", "addmm")
        sides: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            sides = [node.left, node.right]
        elif isinstance(node, ast.Call) and name in _PRODUCTS:
            own = [node.func.value] if len(node.args) == 1 and isinstance(node.func, ast.Attribute) else []
            sides = [*own, *node.args][:2]
        if len(sides) == 2:
            one, other = map(_names_a_weight, sides)
            right, left = right or (other and not one), left or (one and not other)
    return right and not left


def _names_a_weight(node: ast.AST) -> bool:
    """Return whether an expression names a matrix of weights."""
    for part in ast.walk(node):
        name = (
            part.id
            if isinstance(part, ast.Name)
            else part.attr
            if isinstance(part, ast.Attribute)
            else (part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "")
        )
        if name and role(name) == "params":
            return True
        kind = slot(name).kind if name and name not in ("T", "t", "mT") and role(name) in (None, "params") else None
        if kind in ("weight_ih", "weight_hh", "weight"):
            return True
    return False


def builds_a_list(target: Any, name: str) -> bool:
    """Return whether the source makes a list of an argument where it is left out: `Hs = [None] * n`."""
    for node in (node for tree in trees_of(target) for node in ast.walk(tree)):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            value = node.value.left if isinstance(node.value, ast.BinOp) else node.value
            if isinstance(value, ast.List | ast.ListComp):
                return True
    return False


def _is_step_index(node: ast.Subscript) -> bool:
    """Whether an index keeps the axes: a mask, a slice of the batch, `[None]`."""
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return all(
        isinstance(part, ast.Slice) or (isinstance(part, ast.Constant) and part.value in (None, ...)) for part in parts
    )
