"""What syntax trees of Python say, without running anything and without torch."""

import ast
from collections.abc import Iterable, Iterator


def name_of(node: ast.AST) -> str:
    """Return the last part of a name: `linear` of `F.linear`; nothing where an expression is no name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_number(node: ast.AST) -> bool:
    """Return whether an expression is an integer that stands there."""
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def called(node: ast.AST) -> str:
    """Return the last part of the name of what is called; nothing where a node is no call."""
    return name_of(node.func) if isinstance(node, ast.Call) else ""


def assigned_in(node: ast.AST) -> list[ast.expr]:
    """Return what an assignment gives a value, the elements of a tuple one by one; nothing of another node."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [part for target in targets for part in getattr(target, "elts", [target])]


def unbound(node: ast.AST) -> str:
    """Return the name of what `unbind` takes apart along its first axis: of `b.unbind(0)` and of `torch.unbind(b)`."""
    if not isinstance(node, ast.Call) or called(node) != "unbind" or not isinstance(node.func, ast.Attribute):
        return ""
    held, *axis = [node.func.value, *node.args] if name_of(node.func.value) != "torch" else node.args
    axis += [one.value for one in node.keywords]
    return name_of(held) if [*map(ast.unparse, axis)] in ([], ["0"]) else ""


def names_of(nodes: Iterable[ast.AST], name: str) -> set[str]:
    """Return a name and those that are given its value: `n` of `n = len(x) if steps is None else steps`."""
    found = {name}
    for node in nodes:
        value = node.value if isinstance(node, ast.Assign) else None
        given = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in given):
            found |= {*map(name_of, node.targets)} - {""}
    return found


def arguments_of(function: ast.FunctionDef | ast.Lambda) -> list[str]:
    """Return the names of the arguments of a function, without `*args` and `**kwargs`."""
    given = function.args
    return [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]


def walked_by(loop: ast.For | ast.comprehension) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield the target of a loop with what it walks over, and those of enumerate and zip one by one."""
    left = [(loop.target, loop.iter)]
    for target, walked in left:
        if isinstance(walked, ast.Call) and called(walked) in ("enumerate", "zip") and isinstance(target, ast.Tuple):
            parts = target.elts[1:] if called(walked) == "enumerate" else target.elts
            left += zip(parts, walked.args, strict=False)
        yield target, walked


def walked_one_by_one(loop: ast.For | ast.comprehension) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield each name of a loop with what it is taken from: in `for k, v in (("x", x), ("h", h))` one by one, too."""
    yield from walked_by(loop)
    names, rows = getattr(loop.target, "elts", []), getattr(loop.iter, "elts", ())
    columns = zip(*(getattr(row, "elts", ()) for row in rows), strict=False) if names else ()
    yield from ((name, ast.List([*column])) for name, column in zip(names, columns, strict=False))


def whole_of(expression: ast.expr) -> ast.expr:
    """Return what an expression is a slice of, `layers` of `layers[0::2]`; itself where it is none."""
    sliced = isinstance(expression, ast.Subscript) and isinstance(expression.slice, ast.Slice)
    return expression.value if sliced else expression  # type: ignore[attr-defined]


def names_in(target: ast.expr) -> list[str]:
    """Return the names that a tuple is taken apart into, where there are several and nothing else but `*rest`."""
    found = getattr(target, "elts", [])
    found = found[:-1] if found and isinstance(found[-1], ast.Starred) else found
    names = [one.id for one in found if isinstance(one, ast.Name)]
    return names if 1 < len(names) == len(found) else []
