"""What the source takes from an argument by key or attribute: weights of a dict or a layer, states of a record."""

import ast
import itertools
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch

from rnncli.candidate.names import slot
from rnncli.candidate.source import module_of, nodes_behind, nodes_of
from rnncli.candidate.syntax import (
    arguments_of,
    assigned_in,
    called,
    is_number,
    name_of,
    names_in,
    walked_by,
    walked_one_by_one,
    whole_of,
)

ALL_WEIGHTS = "all_weights"  # of a layer of torch: a list for each layer and direction
MOST_TEXTS = 32  # that a loop over a constant of the module goes through


def keyed_arguments(target: Any) -> dict[str, bool]:
    """Return the arguments that weights are taken from by key or attribute, and whether a key of them is computed.

    `w["W_ih"]`, `w[f"b{k}"]`, `w[k]["W_ih"]`, `w["W_ih", k]`, `w[gate]`, `w.W_ih`, in the function or in one that it
    calls.
    """
    nodes, known = nodes_behind(target), texts_of_names(target)
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    names = {name for one in functions for name in arguments_of(one)}
    names |= {one.args.kwarg.arg for one in functions if one.args.kwarg}
    found = dict.fromkeys(layers_among(target, names), False)
    for node in nodes:
        by_attribute = isinstance(node, ast.Attribute) and slot(node.attr).kind and not hasattr(torch.Tensor, node.attr)
        base, keys = node.value if by_attribute else node, list[ast.AST]()  # type: ignore[attr-defined]
        while isinstance(base, ast.Subscript):
            keys += base.slice.elts if isinstance(base.slice, ast.Tuple) else [base.slice]
            base = base.value
        texts = [key for key in keys if isinstance(key, ast.JoinedStr) or _texts(key, known)]
        if (texts or by_attribute) and isinstance(base, ast.Name) and base.id in names:
            computed = not all(isinstance(key, ast.Constant) for key in keys)
            found[base.id] = found.get(base.id, False) or computed
    return found


def is_key(text: str) -> bool:
    """Return whether a text may be the key of a weight: `w_i`, and `rnn/w_i` as in Haiku."""
    return text.replace("/", "_").isidentifier()


class Layer(NamedTuple):
    """What the source reads of the layer that an argument is or has, and the attribute that it is, or "".

    `layered`: it asks for the number of layers, or goes through the weights of all.
    """

    attribute: str
    read: list[str]
    layered: bool

    def holding(self, arguments: Mapping[str, Any], weights: Mapping[str, Any]) -> SimpleNamespace:
        """Return an argument whose layer has these arguments and weights as attributes, and all weights in lists."""
        all_weights: dict[str, list[Any]] = {}
        for name, weight in weights.items():
            all_weights.setdefault(name.partition("_l")[2], []).append(weight)
        layer = SimpleNamespace(**{ALL_WEIGHTS: [*all_weights.values()], **arguments, **weights})
        return SimpleNamespace(**{self.attribute: layer}) if self.attribute else layer


def layers_among(target: Any, names: Iterable[str]) -> dict[str, Layer]:
    """Return the arguments that weights are read from by attribute, as from a layer of torch, and what is read."""
    return {name: layer for name in names if (layer := _layer_of(target, name))}


def _layer_of(target: Any, name: str) -> Layer | None:
    """Return the layer of an argument; None where it has none.

    `weight_ih_l0` of `lstm.weight_ih_l0`, of `model.lstm.weight_ih_l0`, and of `w.weight_ih_l0` after `w = model.lstm`.
    """
    places = {"": [name]}
    for node in nodes_of(target):
        value = node.value if isinstance(node, ast.Assign) else node
        if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id == name:
            others = [name_of(one) for one in getattr(node, "targets", [])]
            places.setdefault(value.attr, []).extend([f"{name}.{value.attr}", *others])
    for attribute, texts in places.items():
        read = [one for text in dict.fromkeys(texts) for one in attributes_of(target, text)]
        if "num_layers" in read and any(_reads_computed(node, texts) for node in nodes_of(target)):
            read += [
                f"{kind}_l" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            ]  # as a layer of torch has
        if any(slot(one).kind or one == ALL_WEIGHTS for one in read):
            return Layer(attribute, read, "num_layers" in read or _goes_through(target, ALL_WEIGHTS))
    return None


def _reads_computed(node: ast.AST, names: list[str]) -> bool:
    """Return whether a node is `getattr(layer, name)` of a name that the source puts together."""
    if not isinstance(node, ast.Call) or called(node) != "getattr" or len(node.args) < 2:
        return False
    return name_of(node.args[0]) in names and not isinstance(node.args[1], ast.Constant)


def _goes_through(target: Any, attribute: str) -> bool:
    """Return whether the source takes more of an attribute than what stands at a place: `for W, U in w.all_weights`."""
    nodes = [node for node in nodes_of(target) if isinstance(node, ast.Attribute | ast.Subscript)]
    first = [id(node.value) for node in nodes if isinstance(node, ast.Subscript) and is_number(node.slice)]
    return any(name_of(node) == attribute and id(node) not in first for node in nodes)


def takes_keys_by_number(target: Any, name: str) -> bool:
    """Return whether the source takes what stands under keys of an argument apart by number: `params["W_ih"][k]`."""
    known = texts_of_names(target)
    nodes = [node for node in nodes_of(target) if isinstance(node, ast.Subscript)]
    return any(_keys(node.value, name, known) and not _texts(node.slice, known) for node in nodes)


def puts_numbers_to_keys(target: Any, name: str) -> bool:
    """Return whether the source puts a number to the end of keys of an argument: `params[f"W_ih_l{k}"]`."""
    known = texts_of_names(target)
    nodes = [node for node in nodes_behind(target) if isinstance(node, ast.Subscript) and name_of(node.value) == name]
    parts = [node.slice.values for node in nodes if isinstance(node.slice, ast.JoinedStr)]
    return any(isinstance(one[-1], ast.FormattedValue) and not _texts(one[-1].value, known) for one in parts if one)


def attributes_of(target: Any, name: str) -> list[str]:
    """Return what the source reads of an argument as attributes that no tensor has: `w.bias`, `getattr(w, "bias")`.

    `name` may be `model.lstm`, an attribute of one. Of `getattr(w, f"bias_l{k}")` what the text begins with.
    """
    found: list[str] = []
    for node in nodes_of(target):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == name:
            found.append(node.attr)
        elif isinstance(node, ast.Call) and called(node) == "getattr" and [*map(ast.unparse, node.args[:1])] == [name]:
            texts = (getattr(part, "value", None) for key in node.args[1:2] for part in ast.walk(key))
            whole = [text for key in node.args[1:2] for text in _texts(key, texts_of_names(target))]
            found += whole or [text for text in texts if isinstance(text, str)][:1]
    return [attribute for attribute in dict.fromkeys(found) if not hasattr(torch.Tensor, attribute)]


def keys_of(target: Any, name: str) -> list[str]:
    """Return the keys that the source takes from an argument: `h` of `state["h"]`, `i` and `f` of `W[gate]`."""
    known_at = _texts_within(target)
    return list(dict.fromkeys(key for node in nodes_behind(target) for key in _keys(node, name, known_at(node))))


def whole_texts(target: Any, holders: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Return texts of the source and the keys taken from arguments, without the texts that a key is put together from.

    `W_i` and `W_f`, and no `W_`, of `w["W_" + gate]`.
    """
    keys = {key: None for name in holders for key in keys_of(target, name)}
    return [text for text in dict.fromkeys([*texts, *keys]) if text in keys or not any(text in key for key in keys)]


def dotted_keys(target: Any, name: str, of_items: bool = False) -> list[str]:
    """Return `i2h.b` and its like for the keys of dicts inside a dict: `w["i2h"]["b"]`, or `p["b"]` of `p = w["i2h"]`.

    Also of `linear(w["i2h"], x)`, a function of the module that takes `b` by key. `of_items`: of dicts in a list.
    """
    is_dict = _item_of(target, name) if of_items else (lambda node: name_of(node) == name)
    nodes, known_at = nodes_behind(target), _texts_within(target)
    functions = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
    taken = [node for node in nodes if isinstance(node, ast.Subscript) and is_dict(node.value)]
    outer = {id(node): keys for node in taken if (keys := _texts(node.slice, known_at(node)))}
    found: list[str] = []
    for node in nodes:
        if isinstance(node, ast.Subscript) and id(node.value) in outer:
            inner = _texts(node.slice, known_at(node)) or [str(getattr(node.slice, "value", ""))]
            found += [f"{key}.{one}" for key in outer[id(node.value)] for one in inner]
        own: list[tuple[str, ast.expr]] = []  # other names of the dicts inside
        if isinstance(node, ast.Assign):
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            own = [*zip(map(name_of, assigned_in(node)), values, strict=False)]
        elif isinstance(node, ast.Call) and called(node) in functions:
            own = [*zip(arguments_of(functions[called(node)]), node.args, strict=False)]
        for alias, value in own:
            inner = [key for one in nodes for key in _keys(one, alias, known_at(one))] if id(value) in outer else []
            found += [f"{key}.{one}" for key in outer.get(id(value), ()) for one in inner]
    return list(dict.fromkeys(found))


def keys_of_items(target: Any, name: str) -> list[str]:
    """Return the keys taken from the items of a list: `W_ih` of `for p in layers: p["W_ih"]`, `layers[k]["W_ih"]`.

    Also those that a function of the module takes from an item that it is given. Of a dict of dicts: none.
    """
    nodes, known, is_item = nodes_behind(target), texts_of_names(target), _item_of(target, name)
    taken = [node for node in nodes if isinstance(node, ast.Subscript) and is_item(node.value)]
    return list(dict.fromkeys(key for node in taken for key in _texts(node.slice, known)))


def attributes_of_items(target: Any, name: str) -> list[str]:
    """Return the attributes taken from the items of a list that name weights: `W` of `for layer in layers: layer.W`."""
    is_item = _item_of(target, name)
    read = [node.attr for node in nodes_behind(target) if isinstance(node, ast.Attribute) and is_item(node.value)]
    return [one for one in dict.fromkeys(read) if slot(one).kind and not hasattr(torch.Tensor, one)]


def names_of_items(target: Any, name: str) -> list[str]:
    """Return the names that the items of a list are taken apart into: `W_ih` and `b` of `for W_ih, b in layers`.

    Also of `W_ih, b = layers[k]`, of `W_ih, b = p` in a function of the module that an item p is given to, and of the
    arguments of one that takes its parts, `step(x, h, *p)`.
    """
    is_item, nodes = _item_of(target, name), nodes_behind(target)
    functions = {node.name: arguments_of(node) for node in nodes if isinstance(node, ast.FunctionDef)}
    for node in nodes:
        parts = [*walked_by(node)] if isinstance(node, ast.For | ast.comprehension) else []
        found = [one for one, walked in parts if isinstance(walked, ast.Name) and walked.id == name]
        found += node.targets if isinstance(node, ast.Assign) and is_item(node.value) else []
        for one in found:
            if names := names_in(one):
                return names
        for place, one in enumerate(getattr(node, "args", []) if called(node) in functions else []):
            if isinstance(one, ast.Starred) and is_item(one.value):
                return functions[called(node)][place:]
    return []


def _item_of(target: Any, name: str) -> Callable[[ast.AST], bool]:
    """Return what tells whether an expression is an item of a list, by the names that the source gives to one."""
    nodes, known = nodes_behind(target), texts_of_names(target)
    functions = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
    items, before, prefix = set[str](), None, prefix_of_keys(target, name)

    def is_item(node: ast.AST) -> bool:
        if isinstance(node, ast.Subscript) and name_of(node.value) == name and not isinstance(node.slice, ast.Slice):
            parts = [*ast.walk(node.slice)]
            if prefix and isinstance(node.slice, ast.JoinedStr | ast.BinOp):  # w[f"layer{k}"]
                return True
            return not any(name_of(part) in known or isinstance(getattr(part, "value", 0), str) for part in parts)
        of_two = isinstance(node, ast.IfExp) and (is_item(node.body) or is_item(node.orelse))
        return of_two or (isinstance(node, ast.Name) and node.id in items)

    while items != before:
        before = set(items)
        for node in nodes:
            if isinstance(node, ast.For | ast.comprehension):
                items |= {name_of(one) for one, walked in walked_by(node) if name_of(whole_of(walked)) == name}
            elif isinstance(node, ast.Assign) and is_item(node.value):
                items |= {*map(name_of, node.targets)}
            elif isinstance(node, ast.Call) and called(node) in functions:
                given = zip(arguments_of(functions[called(node)]), node.args, strict=False)
                items |= {argument for argument, value in given if is_item(value)}
        items -= {""}
    return is_item


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


def first_number_of_keys(target: Any, name: str) -> int:
    """Return the number of the first layer in keys of a dict: 1 of `w[f"layer{k + 1}"]`, else 0."""
    taken = [node for node in nodes_of(target) if isinstance(node, ast.Subscript) and name_of(node.value) == name]
    added = [part for node in taken for part in ast.walk(node.slice) if isinstance(part, ast.BinOp)]
    return int(any(getattr(part.right, "value", None) == 1 for part in added))


def texts_of_names(target: Any) -> dict[str, list[str]]:
    """Return the strings that loops and calls in the source give to names: to `gate`, in `for gate in "ifgo"`."""
    nodes, module = nodes_behind(target), module_of(target)
    lists = {name: [*value] for name, value in vars(module or object).items() if _are_few_texts(value)}
    for node in nodes:
        if isinstance(node, ast.Assign) and (texts := _each(node.value, lists)):
            lists |= dict.fromkeys(map(name_of, node.targets), texts)
    known: dict[str, list[str]] = {}
    for node in nodes:
        for one, walked in walked_one_by_one(node) if isinstance(node, ast.For | ast.comprehension) else ():
            known.setdefault(name_of(one), []).extend(_each(walked, lists))
    functions = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
    for node in nodes:
        if isinstance(node, ast.Call) and called(node) in functions:
            for argument, value in zip(arguments_of(functions[called(node)]), node.args, strict=False):
                known.setdefault(argument, []).extend(_texts(value, known))
    return {name: list(dict.fromkeys(texts)) for name, texts in known.items() if name and texts}


def _texts_within(target: Any) -> Callable[[ast.AST], Mapping[str, list[str]]]:
    """Return a function that tells what strings the names at a node stand for.

    An argument stands for those that its own function is given, not for those of an argument of another function.
    """
    nodes, known = nodes_behind(target), texts_of_names(target)
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    within: dict[int, dict[str, list[str]]] = {}
    for function in functions:  # those inside come behind
        own = dict[str, list[str]]()
        for call in [call for call in calls if called(call) == function.name]:
            for argument, value in zip(arguments_of(function), call.args, strict=False):
                own.setdefault(argument, []).extend(_texts(value, known))
        for node in ast.walk(function) if own else ():
            within[id(node)] = within.get(id(node), known) | own
    return lambda node: within.get(id(node), known)


def _each(expression: ast.expr, lists: Mapping[str, list[str]]) -> list[str]:
    """Return the strings that a loop over an expression goes through, where the source says them."""
    if isinstance(expression, ast.Name):
        return lists.get(expression.id, [])
    if isinstance(expression, ast.IfExp):
        return [*_each(expression.body, lists), *_each(expression.orelse, lists)]
    if isinstance(expression, ast.Constant):
        return [*expression.value] if isinstance(expression.value, str) else []
    values = [getattr(one, "value", None) for one in getattr(expression, "elts", [])]
    texts = [value for value in values if isinstance(value, str)]
    return texts if len(texts) == len(values) else []


def _are_few_texts(value: Any) -> bool:
    """Return whether a value goes through a few strings, as names of gates; the text that a file trains on is none."""
    collection = isinstance(value, str | list | tuple | dict) and len(value) <= MOST_TEXTS
    return collection and all(isinstance(one, str) for one in value)


def _texts(expression: ast.AST, known: Mapping[str, list[str]]) -> list[str]:
    """Return the strings that an expression may be: a constant, a name that has some, or these put together."""
    if isinstance(expression, ast.Constant):
        return [expression.value] if isinstance(expression.value, str) else []
    if isinstance(expression, ast.Name):
        return known.get(expression.id, [])
    parts: list[ast.AST] = []
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add):
        parts = [expression.left, expression.right]
    elif isinstance(expression, ast.JoinedStr):
        parts = [one.value if isinstance(one, ast.FormattedValue) else one for one in expression.values]
    return ["".join(texts) for texts in itertools.product(*(_texts(part, known) for part in parts))] if parts else []


def _keys(node: ast.AST, name: str, known: Mapping[str, list[str]]) -> list[str]:
    """Return the keys that `name["key"]` and its like take; none of another node."""
    return _texts(node.slice, known) if isinstance(node, ast.Subscript) and name_of(node.value) == name else []
