"""What the source takes from an argument by key or attribute: weights of a dict or a layer, states of a record."""

import ast
from collections.abc import Iterable
from typing import Any

import torch

from rnncli.candidate.names import slot
from rnncli.candidate.source import codes_of, module_of, nodes_of
from rnncli.candidate.syntax import arguments_of, assigned_in, called, name_of


def keyed_arguments(target: Any) -> dict[str, bool]:
    """Return the arguments that weights are taken from by key or attribute, and whether a key of them is computed.

    `w["W_ih"]`, `w[f"b{k}"]`, `w[k]["W_ih"]`, `w["W_ih", k]`, `w.W_ih`, in the function or in one that it calls.
    """
    nodes = [node for code in codes_of(target, module_of(target)) for node in nodes_of(code)]
    names = {name for node in nodes if isinstance(node, ast.FunctionDef) for name in arguments_of(node)}
    found = dict.fromkeys(layers_among(target, names), False)
    for node in nodes:
        by_attribute = isinstance(node, ast.Attribute) and slot(node.attr).kind and not hasattr(torch.Tensor, node.attr)
        base, keys = node.value if by_attribute else node, list[ast.AST]()  # type: ignore[attr-defined]
        while isinstance(base, ast.Subscript):
            keys += base.slice.elts if isinstance(base.slice, ast.Tuple) else [base.slice]
            base = base.value
        texts = [key for key in keys if isinstance(key, ast.JoinedStr) or isinstance(getattr(key, "value", 0), str)]
        if (texts or by_attribute) and isinstance(base, ast.Name) and base.id in names:
            computed = not all(isinstance(key, ast.Constant) for key in keys)
            found[base.id] = found.get(base.id, False) or computed
    return found


def layers_among(target: Any, names: Iterable[str]) -> dict[str, list[str]]:
    """Return the arguments that weights are read from by attribute, as from a layer of torch, and the names read."""
    read = {name: attributes_of(target, name) for name in names}
    return {name: found for name, found in read.items() if any(slot(one).kind for one in found)}


def attributes_of(target: Any, name: str) -> list[str]:
    """Return what the source reads of an argument as attributes that no tensor has: `w.bias`, `getattr(w, "bias")`.

    Of `getattr(w, f"bias_l{k}")` what the text begins with.
    """
    found: list[str] = []
    for node in nodes_of(target):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            found.append(node.attr)
        elif isinstance(node, ast.Call) and called(node) == "getattr" and [*map(name_of, node.args[:1])] == [name]:
            texts = (getattr(part, "value", None) for key in node.args[1:2] for part in ast.walk(key))
            found += [text for text in texts if isinstance(text, str)][:1]
    return [attribute for attribute in dict.fromkeys(found) if not hasattr(torch.Tensor, attribute)]


def keys_of(target: Any, name: str) -> list[str]:
    """Return the keys that the source takes from an argument: `h` of `state["h"]`."""
    return list(dict.fromkeys(key for node in nodes_of(target) if (key := _key_of(node, name)) is not None))


def dotted_keys(target: Any, name: str) -> list[str]:
    """Return `i2h.b` and its like for the keys of dicts inside a dict: `w["i2h"]["b"]`, or `p["b"]` of `p = w["i2h"]`.

    Also of `linear(w["i2h"], x)`, a function of the module that takes `b` by key.
    """
    nodes = [node for code in codes_of(target, module_of(target)) for node in nodes_of(code)]
    functions = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
    outer = {id(node): key for node in nodes if (key := _key_of(node, name)) is not None}
    found: list[str] = []
    for node in nodes:
        if isinstance(node, ast.Subscript) and id(node.value) in outer:
            found.append(f"{outer[id(node.value)]}.{getattr(node.slice, 'value', '')}")
        own: list[tuple[str, ast.expr]] = []  # other names of the dicts inside
        if isinstance(node, ast.Assign):
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            own = [*zip(map(name_of, assigned_in(node)), values, strict=False)]
        elif isinstance(node, ast.Call) and called(node) in functions:
            own = [*zip(arguments_of(functions[called(node)]), node.args, strict=False)]
        for alias, value in own:
            if id(value) in outer:
                found += [f"{outer[id(value)]}.{key}" for one in nodes if (key := _key_of(one, alias))]
    return list(dict.fromkeys(found))


def prefix_of_keys(target: Any, name: str) -> str:
    """Return what the keys of a dict begin with that its source numbers: `layer` of `w[f"layer{k}"]`, or nothing."""
    taken = [node for node in nodes_of(target) if isinstance(node, ast.Subscript) and name_of(node.value) == name]
    for key in [node.slice for node in taken]:
        parts = [key.left] if isinstance(key, ast.BinOp) else key.values if isinstance(key, ast.JoinedStr) else []
        first = parts[0] if parts else None
        prefix = first.value if isinstance(first, ast.Constant) else None
        if isinstance(prefix, str) and (slot(prefix).kind is None or prefix.strip("_") in ("layer", "cell", "rnn")):
            return prefix
    return ""


def takes_two_rows(target: Any, name: str) -> bool:
    """Return whether the source takes the first and the second of an argument, and no more: `b[0]` and `b[1]`."""
    taken = [node for node in nodes_of(target) if isinstance(node, ast.Subscript) and name_of(node.value) == name]
    return {getattr(node.slice, "value", None) for node in taken} == {0, 1}


def _key_of(node: ast.AST, name: str) -> str | None:
    """Return the key of `name["key"]`; None of another node."""
    if isinstance(node, ast.Subscript) and name_of(node.value) == name and isinstance(node.slice, ast.Constant):
        return node.slice.value if isinstance(node.slice.value, str) else None
    return None
