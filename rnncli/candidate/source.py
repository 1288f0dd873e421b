"""What a candidate's source says: the names and strings in its code, and what its syntax tells."""

import ast
import contextlib
import functools
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Any

from torch import nn

from rnncli.candidate.names import option, role, slot
from rnncli.candidate.places import is_array
from rnncli.candidate.syntax import assigned_in, called, name_of, names_of

_PRODUCTS = ("matmul", "mm", "dot", "bmm", "mv")


def module_of(target: object) -> Any:
    """Return the module that a candidate was defined in."""
    return sys.modules.get(getattr(target, "__module__", None) or "")


# -- code --------------------------------------------------------------------------------------------------------------


def codes_of(function: Callable[..., Any], module: Any) -> list[Any]:
    """Return the code of a function, of the functions inside it, and of those of its module that it calls."""
    todo = [one.__code__ for one in map(inspect.unwrap, sources_of(function)) if hasattr(one, "__code__")]
    seen = dict[Any, None]()
    while todo and module is not None:
        code = todo.pop(0)
        if code in seen:
            continue
        seen[code] = None
        todo += filter(inspect.iscode, code.co_consts)
        others = (vars(module).get(name) for name in code.co_names)
        todo += [one.__code__ for one in others if inspect.isfunction(one) and one.__module__ == module.__name__]
    return list(seen)


def calls_other_files(target: Any, module: Any) -> bool:
    """Return whether it uses functions, classes or modules that its own imports, other than those of libraries."""
    names = {name for code in codes_behind(target, module) for name in code.co_names} if module else set()
    used = [vars(module)[name] for name in names & set(vars(module))]
    files = {value.__name__ for value in used if inspect.ismodule(value)}
    files |= {value.__module__ for value in used if inspect.isfunction(value) or inspect.isclass(value)}
    roots = {name.partition(".")[0] for name in files if name != module.__name__}
    return bool(roots - {"torch", "numpy", *sys.stdlib_module_names})


def strings_of(function: Callable[..., Any], module: Any) -> list[str]:
    """Return the strings in a function's code, in order; the keys that it takes from a dict are among them."""
    codes = codes_of(function, module)
    docs = {code.co_consts[0] for code in codes if code.co_consts and " " in str(code.co_consts[0]).strip()}
    constants = [constant for code in codes for constant in code.co_consts]
    texts = [text for one in constants for text in (one if isinstance(one, tuple) else (one,))]
    return list(dict.fromkeys(text for text in texts if isinstance(text, str) and text not in docs))


def words_of(target: Any, module: Any) -> set[str]:
    """Return every name that the code of a function, or of the methods of a class, uses, and what it is short for."""
    codes = codes_behind(target, module)
    names = {name for code in codes for name in code.co_names}
    of_module = (vars(module).get(name) for name in names) if module else ()
    names |= {value.__name__ for value in of_module if inspect.isbuiltin(value)}
    words = {name.lower() for name in names}
    texts = (text for code in codes for text in code.co_consts if isinstance(text, str))
    return words | {text.lower() for text in texts if text.isidentifier()}


def codes_behind(target: Any, module: Any) -> list[Any]:
    """Return the code of a function or of the methods of a class, and that of classes of its module that it uses."""
    functions = [target]
    if inspect.isclass(target):
        own = [base for base in target.__mro__ if base.__module__ == target.__module__]
        functions = [method for base in own for method in _methods_of(base)]
    codes, seen = [code for function in functions for code in codes_of(function, module)], {target}
    for code in codes:  # what is found comes behind, and is looked through as well
        for helper in [vars(module).get(name) for name in code.co_names] if module else []:
            if inspect.isclass(helper) and helper not in seen and helper.__module__ == module.__name__:
                seen.add(helper)
                codes += [code for method in _methods_of(helper) for code in codes_of(method, module)]
    return codes


def counts_up_to(target: Any, name: str) -> bool:
    """Return whether the source counts up to an argument: `range(sequence_length)`."""
    nodes = nodes_of(target)
    names, calls = names_of(nodes, name), (node for node in nodes if called(node) == "range")
    return any(isinstance(part, ast.Name) and part.id in names for node in calls for part in ast.walk(node))


def functions_behind(target: Any, module: Any) -> list[ast.FunctionDef]:
    """Return the syntax of `codes_behind`: of a function, or of the methods of a class, and of what these use."""
    nodes = (node for code in codes_behind(target, module) for node in nodes_of(code))
    return [node for node in nodes if isinstance(node, ast.FunctionDef)]


_SCANS = ("scan", "reduce", "accumulate", "map", "vmap")  # functions that walk


def computes_once(target: Any, module: Any) -> bool:
    """Return whether the source computes a state and does not walk: no loop, no layer of torch, no other file."""
    functions = functions_behind(target, module) if module is not None else []
    nodes = [node for one in functions for node in ast.walk(one)]
    calls = [one for one in functions if "init" not in one.name and "reset" not in one.name]
    loops = any(isinstance(node, ast.For | ast.While | ast.comprehension) or called(node) in _SCANS
                for one in calls for node in ast.walk(one))  # fmt: skip
    layers = any(called(node) in ("RNN", "LSTM", "GRU") for node in nodes)
    states = any(called(node) in ("tanh", "sigmoid", "relu") for node in nodes)
    return states and not (loops or layers or calls_other_files(target, module))


def _methods_of(cls: type) -> list[Any]:
    methods = [getattr(value, "__func__", value) for value in vars(cls).values()]  # static ones are not functions
    methods += [getattr(scripted, "original_method", None) for scripted in getattr(cls, "_methods", {}).values()]
    return [method for method in methods if inspect.isfunction(method)]


def globals_of(function: Callable[..., Any], module: Any) -> dict[str, Any]:
    """Return what a function reads from its module, by name: tensors, collections of them, torch's layers, numbers."""
    names = dict.fromkeys(name for code in codes_of(function, module) for name in code.co_names)
    read = {name: vars(module)[name] for name in names if name in vars(module)}
    return {name: value for name, value in read.items() if _is_a_setting(name, value)}


def _is_a_setting(name: str, value: Any) -> bool:
    if isinstance(value, int | str):
        return option(name) is not None
    if isinstance(value, list | tuple | dict):
        return bool(value) and all(map(is_array, value.values() if isinstance(value, dict) else value))
    return is_array(value) or isinstance(value, nn.RNNBase)


# -- syntax ------------------------------------------------------------------------------------------------------------


def nodes_of(target: Any) -> list[ast.AST]:
    """Return the syntax of a function, of a class and of what a composed candidate is made of, where it has one."""
    found: list[ast.AST] = []
    for source in sources_of(target):
        with contextlib.suppress(OSError, TypeError, SyntaxError):
            found += _nodes(_text_of(inspect.unwrap(source)))
    return found


def nodes_behind(target: Any) -> list[ast.AST]:
    """Return the syntax of a function and of the functions and classes of its module that it uses."""
    return [node for code in codes_behind(target, module_of(target)) for node in nodes_of(code)]


@functools.lru_cache(maxsize=256)
def _text_of(source: Any) -> str:
    return inspect.getsource(source)


@functools.lru_cache(maxsize=64)
def _nodes(text: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(textwrap.dedent(text))))


def sources_of(target: Any) -> list[Any]:
    return list(getattr(target, "__sources__", ())) or [target]


def explicit_base_arguments(target: type) -> set[str]:
    """Return the arguments of a base class that the class gives itself: `super().__init__("RNN_TANH", *args)`."""
    own: Any = vars(target).get("__init__")
    base = next((base for base in target.__mro__[1:] if "__init__" in vars(base)), object)
    for node in nodes_of(own) if own is not None else []:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "__init__":
            starred = [isinstance(argument, ast.Starred) for argument in node.args]
            if True not in starred:
                return set()
            names = list(inspect.signature(vars(base)["__init__"]).parameters)[1:]
            return set(names[: starred.index(True)]) - set(inspect.signature(own).parameters)
    return set()


def keywords_of(target: Any) -> set[str]:
    """Return the names of the arguments that the source gives by keyword: `dropout` of `nn.LSTM(..., dropout=0.2)`."""
    calls = [node for node in nodes_of(target) if isinstance(node, ast.Call)]
    return {keyword.arg for node in calls for keyword in node.keywords if keyword.arg}


def takers_of_starred(function: Any) -> Iterator[tuple[Any, list[str]]]:
    """Yield the classes and functions that a function hands its `*args` or `**kwargs` on to, with the names of what
    else they get.

    An argument without a name is "". Of torch's modules and of the function's own module.
    """
    module = module_of(function)
    known = {**vars(nn), **(vars(module) if module is not None else {})}
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    stars = {p.name for p in inspect.signature(function).parameters.values() if p.kind in several}
    for node in [node for node in nodes_of(function) if isinstance(node, ast.Call)]:
        handed = [one.value for one in node.args if isinstance(one, ast.Starred)]
        handed += [one.value for one in node.keywords if one.arg is None]
        taker = known.get(called(node)) if stars & set(map(name_of, handed)) else None
        if callable(taker) and taker is not function:
            positional = ["" for one in node.args if not isinstance(one, ast.Starred)]
            yield taker, [*positional, *(one.arg for one in node.keywords if one.arg)]


def makes_devices(target: Any) -> bool:
    """Return whether the source names a device, as `torch.device("cpu")` or `device="cpu"`; True without a source."""
    nodes = nodes_of(target)
    named = (isinstance(node, ast.Constant) and node.value in ("cpu", "cuda") for node in nodes)
    return not nodes or any(called(node) == "device" for node in nodes) or any(named)


def read_of(functions: Iterable[ast.FunctionDef], names: Container[str]) -> list[str]:
    """Return what functions read of objects of these names: `bias` of `cfg.bias`, `cfg["bias"]`, `cfg.get("bias")`."""
    found: list[str] = []
    for node in (node for function in functions for node in ast.walk(function)):
        of = node.func if isinstance(node, ast.Call) and called(node) == "get" else node
        if not isinstance(of, ast.Attribute | ast.Subscript) or name_of(of.value).lower().strip("_") not in names:
            continue
        key = node.args[:1] if isinstance(node, ast.Call) else [of.slice] if isinstance(of, ast.Subscript) else []
        found += [one.value for one in key if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        found += [of.attr] if isinstance(of, ast.Attribute) else []
    return found


def walks_back(target: Any) -> bool:
    """Return whether the source turns something round: `x[::-1]`, `flip`, `reversed`."""
    nodes = nodes_of(target)
    steps = [ast.unparse(node.step) for node in nodes if isinstance(node, ast.Slice) and node.step is not None]
    return "-1" in steps or any(re.search("flip|reverse", called(node)) for node in nodes)


def rows_by_nature(target: Any) -> bool:
    """Return whether every product of the source has its weight on the right: `x @ W.T`, `F.linear(x, W)`, `fc(x)`.

    Such code takes any number of rows; `W @ x` takes columns, or one vector.
    """
    right = left = False
    for node in nodes_of(target):
        right = right or called(node) in ("linear", "Linear", "RNNCell", "addmm")
        sides: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            sides = [node.left, node.right]
        elif isinstance(node, ast.Call) and called(node) in _PRODUCTS:
            own = [node.func.value] if len(node.args) == 1 and isinstance(node.func, ast.Attribute) else []
            sides = [*own, *node.args][:2]
        if len(sides) == 2:
            one, other = map(_names_a_weight, sides)
            right, left = right or (other and not one), left or (one and not other)
    return right and not left


def _names_a_weight(expression: ast.expr) -> bool:
    texts = [name_of(part) or getattr(part, "value", None) for part in ast.walk(expression)]
    names = {text for text in texts if isinstance(text, str) and text} - {"T", "t", "mT"}
    kinds = {name: slot(name).kind or "" for name in names if role(name) is None}
    return any(kind.startswith(("weight", "readout")) for kind in kinds.values()) or "params" in map(role, names)


def transposes(target: Any, name: str) -> bool:
    """Return whether an argument is transposed by `.t()`: it has two axes."""
    called_on = (node.func for node in nodes_of(target) if isinstance(node, ast.Call))
    return any(isinstance(one, ast.Attribute) and one.attr == "t" and name_of(one.value) == name for one in called_on)


def takes_packed_alone(target: Any, name: str, annotation: Any) -> bool:
    """Return whether an argument is a PackedSequence and nothing else, by its annotation or by what is done with it."""
    if getattr(annotation, "__name__", annotation) == "PackedSequence":
        return True
    used = False
    for node in nodes_of(target):
        first = name_of(node.args[0]) if isinstance(node, ast.Call) and node.args else ""
        if first == name and called(node) in ("isinstance", "hasattr", "is_tensor"):
            return False
        value = node.value if isinstance(node, ast.Assign | ast.Attribute) else None
        of_it = isinstance(value, ast.Name) and value.id == name
        named = [node.attr] if isinstance(node, ast.Attribute) else [*map(name_of, assigned_in(node))]
        four_fields = len(named) == 4 and ("sizes" in named[1] or "pack" in name)  # data, sizes, _, _ = packed
        used = used or (called(node) == "pad_packed_sequence" and first == name)
        used = used or (of_it and ("batch_sizes" in named or four_fields))
    return used


def looks_at_rank(target: Any, name: str) -> bool:
    """Return whether the source compares the number of axes of an argument, under any of its names: `x.dim() == 2`,
    `len(x.shape) < 3`.
    """
    nodes = nodes_of(target)
    compared = [[node.left, *node.comparators] for node in nodes if isinstance(node, ast.Compare)]
    forms = ("{}.dim()", "{}.ndim", "{}.ndimension()", "len({}.shape)", "len({}.size())")
    ranks = {form.format(one) for one in names_of(nodes, name) for form in forms}
    texts = [set(map(ast.unparse, sides)) for sides in compared]
    return any(ranks & sides and {"2", "3"} & sides for sides in texts)


def asks_if_true(target: Any, name: str) -> bool:
    """Return whether the source asks if an argument is true, as no tensor of several elements is: `lengths or [n]`."""
    tests = [node.test if isinstance(node, ast.If | ast.IfExp) else node.values[0] for node in nodes_of(target)
             if isinstance(node, ast.If | ast.IfExp | ast.BoolOp)]  # fmt: skip
    return any(isinstance(test, ast.Name) and test.id == name for test in tests)


def builds_a_list(nodes: Sequence[ast.AST], name: str) -> bool:
    """Return whether code makes a list of an argument where it is left out: `Hs = [None] * n`, or by a method.

    Not where what is given is made a list of pairs itself: `state = list(zip(*state))`.
    """
    found = False
    lists = {node.name for node in nodes if isinstance(node, ast.FunctionDef)
             and any(isinstance(one, ast.Return) and _is_list(one.value) for one in ast.walk(node))}  # fmt: skip
    for node in nodes:
        chosen = isinstance(node, ast.Assign) and isinstance(node.value, ast.IfExp)
        if chosen and name in map(name_of, (node.value.body, node.value.orelse)):  # type: ignore[attr-defined]
            other = node.value.orelse if name_of(node.value.body) == name else node.value.body  # type: ignore[attr-defined]
            found = found or called(other) in lists
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in node.targets):
            value = node.value.left if isinstance(node.value, ast.BinOp) else node.value
            if any(isinstance(part, ast.Call) and called(part) == "zip" for part in ast.walk(value)):
                return False
            of_itself = any(name_of(part) == name for part in ast.walk(value))  # [s[0] for s in state]
            found = found or ((_is_list(value) or called(value) in lists) and not of_itself)
    return found


def _is_list(node: ast.AST | None) -> bool:
    return isinstance(node, ast.List | ast.ListComp)
