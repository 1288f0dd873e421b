"""What syntax trees of Python say, without running anything and without torch."""

import ast


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
