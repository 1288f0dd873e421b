"""What the source takes apart by number: the parts of a weight along its first axis."""

import ast
from collections.abc import Iterable
from typing import Any

from rnncli.candidate.source import nodes_behind, nodes_of
from rnncli.candidate.syntax import assigned_in, called, is_number, name_of, names_in, unbound, walked_one_by_one


def takes_by_number(target: Any, name: str, behind: bool = False) -> bool:
    """Return whether the source takes an argument apart along its first axis: `W[d]`, `W[0, :h]`, `for W_d in W`.

    `behind`: or a function of the module that it uses does, with an argument of that name.
    """
    for node in nodes_behind(target) if behind else nodes_of(target):
        if isinstance(node, ast.Subscript) and name_of(node.value) == name and not isinstance(node.slice, ast.Slice):
            return True
        walked = walked_one_by_one(node) if isinstance(node, ast.For | ast.comprehension) else ()
        if name in [name_of(one) for _, one in walked]:
            return True
    return False


def takes_first_alone(target: Any, name: str) -> bool:
    """Return whether the source takes the first part of an argument alone: `W[0]`, `W[0, :h]`, `W.squeeze(0)`."""
    for node in nodes_of(target):
        if isinstance(node, ast.Subscript) and name_of(node.value) == name:
            if is_number(node.slice.elts[0] if isinstance(node.slice, ast.Tuple) else node.slice):
                return True
        elif called(node) == "squeeze" and name_of(node.func.value) == name:  # type: ignore[attr-defined]  # W.squeeze
            return True
    return False


def takes_part(target: Any, names: Iterable[str], holders: Iterable[str], number: int) -> bool:
    """Return whether the source takes a part of a weight by a number: `W[3]`, also of `W = params["W"]`."""
    nodes, weights = nodes_of(target), {*names}

    def is_weight(node: ast.AST) -> bool:
        by_key = isinstance(node, ast.Subscript) and isinstance(getattr(node.slice, "value", None), str)
        return name_of(node) in weights or (by_key and name_of(node.value) in holders)  # type: ignore[attr-defined]

    for node in nodes:
        if isinstance(node, ast.Assign):
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            weights |= {name_of(one) for one, value in zip(assigned_in(node), values, strict=False) if is_weight(value)}
    taken = [node for node in nodes if isinstance(node, ast.Subscript) and is_weight(node.value)]
    return any(getattr(node.slice, "value", None) == number for node in taken)


def takes_two_rows(target: Any, name: str) -> bool:
    """Return whether the source takes the first and the second of an argument, and no more: `b[0]` and `b[1]`.

    Also `b_i, b_h = b` and `b.unbind(0)`.
    """
    taken = [node for node in nodes_of(target) if isinstance(node, ast.Subscript) and name_of(node.value) == name]
    if {getattr(node.slice, "value", None) for node in taken} == {0, 1}:
        return True
    return any(
        len(names_in(node.targets[0])) == 2 and name in (name_of(node.value), unbound(node.value))
        for node in nodes_of(target) if isinstance(node, ast.Assign)
    )  # fmt: skip
