"""What syntax trees of Python say, without running anything and without torch."""

import ast
from collections.abc import Iterator


def name_of(node: ast.AST) -> str:
    """Return the last part of a name: `linear` of `F.linear`; nothing where an expression is no name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def called(node: ast.AST) -> str:
    """Return the last part of the name of what is called; nothing where a node is no call."""
    return name_of(node.func) if isinstance(node, ast.Call) else ""


def assigned_in(node: ast.AST) -> list[ast.expr]:
    """Return what an assignment gives a value, the elements of a tuple one by one; nothing of another node."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [part for target in targets for part in getattr(target, "elts", [target])]


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


def names_in(target: ast.expr) -> list[str]:
    """Return the names that a tuple is taken apart into, where there are several and nothing else."""
    found = getattr(target, "elts", [])
    names = [one.id for one in found if isinstance(one, ast.Name)]
    return names if 1 < len(names) == len(found) else []
