"""What the source says of a state: whether it is taken apart, what it starts from, and what of it is returned."""

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Any

from rnncli.candidate.names import is_cell_state, role, words
from rnncli.candidate.source import nodes_of
from rnncli.candidate.syntax import arguments_of, assigned_in, called, name_of, names_of, unbound

_APART = words(
    "squeeze unbind view reshape chunk split select flatten narrow unsqueeze transpose permute tolist index_select"
    " swapaxes"
)
_OF_DIRECTION = re.compile(r"^(fwd?|bwd?|f|b|r)_?(?=[hc])|_?(fwd?|bwd?|f|b|r|forward|backward|back|rev|reverse)$")
_MODULES = ("torch", "np", "numpy", "jnp", "tf", "mx", "mxnet", "F", "nn")
_CUTS = ("unbind", "split", "chunk", "tensor_split")
_WALKS = ("list", "tuple", "zip", "enumerate", "iter", "len")
_CASTS = ("float", "double", "to", "type", "type_as", "cuda", "cpu", "requires_grad_", "contiguous")


def unpacks(target: Any, name: str, in_one: bool = False, helpers: Sequence[ast.FunctionDef] = ()) -> bool | None:
    """Return whether the source takes an argument apart before it uses it: `h_0[0]`, `hx.squeeze(0)`, `list(hx)`.

    `in_one`: the argument is a tuple of states, of which each is looked at. `helpers`: functions and methods that the
    argument may be handed on to as it is. None where there is no source, or where the argument is not found in it.
    """
    places = places_of(target, name, helpers)
    return any(_takes_apart(function, own, in_one) for function, own in places) if places else None


def places_of(target: Any, name: str, helpers: Sequence[ast.FunctionDef]) -> list[tuple[ast.FunctionDef, str]]:
    """Return the functions that take an argument, and those among `helpers` that it is handed on to as it is, each with
    its name there.
    """
    functions = [node for node in nodes_of(target) if isinstance(node, ast.FunctionDef) and name in arguments_of(node)]
    places = [(function, name) for function in functions]
    for function, own in places:  # those that it is handed on to come behind
        places += [place for place in _handed_on(function, own, helpers) if place not in places]
    return places


def _handed_on(
    function: ast.FunctionDef, name: str, helpers: Sequence[ast.FunctionDef]
) -> Iterator[tuple[ast.FunctionDef, str]]:
    """Yield the functions that an argument is handed on to as it is, and its name there."""
    inside = [node for node in ast.walk(function) if isinstance(node, ast.FunctionDef) and node is not function]
    for call in [node for node in ast.walk(function) if isinstance(node, ast.Call)]:
        name_of_helper = "forward" if called(call) == "apply" else called(call)  # of an autograd.Function
        for helper in [one for one in (*inside, *helpers) if one.name == name_of_helper and one is not function]:
            names = arguments_of(helper)
            names = names[1:] if names[:1] in (["self"], ["ctx"]) else names
            given = [*zip(names, call.args, strict=False), *((one.arg, one.value) for one in call.keywords if one.arg)]
            yield from ((helper, own) for own, value in given if isinstance(value, ast.Name) and value.id == name)


def looks_for_none(target: Any, name: str) -> bool:
    """Return whether the source asks if an argument is None."""
    return any(_asks_for_none(node, name, ast.Is, ast.IsNot, ast.Eq, ast.NotEq) for node in nodes_of(target))


def takes_apart_if_true(target: Any, name: str) -> bool:
    """Return whether the source takes apart an argument that it asks if it is true, as no tensor is: `s if s else`."""
    values = [node.value for node in nodes_of(target) if isinstance(node, ast.Assign) and len(assigned_in(node)) > 1]
    chosen = [value for value in values if isinstance(value, ast.IfExp) and isinstance(value.test, ast.Name)]
    return any(name_of(one.test) == name_of(one.body) == name for one in chosen)


def replaces_none(target: Any, name: str) -> bool:
    """Return whether the source has a branch for an argument that is None, and does not raise there."""
    branches = (
        node for node in nodes_of(target) if isinstance(node, ast.If) and _asks_for_none(node.test, name, ast.Is)
    )
    return any(not isinstance(one, ast.Raise) for branch in branches for one in branch.body[:1])


def zeros_rank(target: Any, name: str) -> int | None:
    """Return the rank of the zeros that the source starts from where an argument is None; None where it does not tell.

    `if h is None: h = x.new_zeros(1, N, H)`, also as `h = torch.zeros(...) if h is None else h`.
    """
    for node in nodes_of(target):
        if isinstance(node, ast.If) and _asks_for_none(node.test, name, ast.Is, ast.Eq):
            named = [one for one in node.body if isinstance(one, ast.Assign) and name_of(one.targets[0]) == name]
            assigned = [one.value for one in named]
        elif isinstance(node, ast.IfExp) and _asks_for_none(node.test, name, ast.Is, ast.Eq):
            assigned = [node.body]
        else:
            continue
        for made in map(_without_casts, assigned):
            if isinstance(made, ast.Call) and called(made) in ("zeros", "new_zeros") and made.args:
                sizes = made.args[0].elts if isinstance(made.args[0], ast.Tuple | ast.List) else made.args
                return len(sizes)
    return None


def _without_casts(made: ast.AST) -> ast.AST:
    """Return what is made before `.float()`, `.to(device)` and their like."""
    while called(made) in _CASTS and isinstance(made.func, ast.Attribute):  # type: ignore[attr-defined]
        made = made.func.value  # type: ignore[attr-defined]
    return made


def _asks_for_none(test: ast.AST, name: str, *by: type[ast.cmpop]) -> bool:
    return (
        isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == name
        and isinstance(test.ops[0], by)
        and any(isinstance(other, ast.Constant) and other.value is None for other in test.comparators)
    )  # fmt: skip


def becomes_a_state(target: Any, name: str) -> bool:
    """Return whether the source starts from an argument: `h, c = prev` before its loop, `prev = ...` in it, or zeros
    where it is None.
    """
    if zeros_rank(target, name) is not None or _is_zeros_for_none(target, name) or _is_second_of_a_layer(target, name):
        return True
    return any(
        _starts_from(function, name) for function in nodes_of(target)
        if isinstance(function, ast.FunctionDef) and name in arguments_of(function)
    )  # fmt: skip


def _is_second_of_a_layer(target: Any, name: str) -> bool:
    """Return whether a layer takes an argument after its input: `self.gru(x, s)`, `super().forward(x, s)`."""
    return any(
        re.search(r"(rnn|gru|lstm|cell|^forward)$", called(node).lower()) and name_of(node.args[1]) == name
        for node in nodes_of(target) if isinstance(node, ast.Call) and len(node.args) > 1
    )  # fmt: skip


def _is_zeros_for_none(target: Any, name: str) -> bool:
    """Return whether zeros take the place of None: `if s is None: z = torch.zeros(...); s = (z, z)`."""
    for node in nodes_of(target):
        if isinstance(node, ast.If) and _asks_for_none(node.test, name, ast.Is, ast.Eq):
            made = [one for part in node.body for one in ast.walk(part)]
            assigned = [part for one in made if isinstance(one, ast.Assign) for part in assigned_in(one)]
            zeros = any(called(one) in ("zeros", "new_zeros", "zeros_like") for one in made)
            if zeros and name in map(name_of, assigned):
                return True
    return False


def _starts_from(function: ast.FunctionDef, name: str) -> bool:
    loops = [node for node in ast.walk(function) if isinstance(node, ast.For | ast.While)]
    assigned = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
    inside = {id(node) for loop in loops for node in ast.walk(loop)}
    carried = {one for node in assigned if id(node) in inside for one in _named(node) if _reads(node, one)}
    for node in assigned:
        if id(node) in inside:
            if name in _named(node):
                return True
        elif _reads(node, name) and any(names_a_state(one) or one in carried for one in _named(node)):
            return True
    return False


def _named(node: ast.Assign) -> list[str]:
    return [name for name in map(name_of, assigned_in(node)) if name]


def _reads(node: ast.Assign, name: str) -> bool:
    return any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(node.value))


def is_listed(target: Any, name: str) -> bool:
    """Return whether the source takes an argument for a list: `H, = state`, `states = list(states)`."""
    for node in nodes_of(target):
        if isinstance(node, ast.Assign):
            value, first = node.value, node.targets[0]
            if name_of(value) == name and isinstance(first, ast.Tuple | ast.List) and len(first.elts) == 1:
                return True
            copied = called(value) == "list" and any(name_of(one) == name for one in value.args)  # type: ignore[attr-defined]
            if copied and name_of(first) == name:
                return True
    return False


def takes_part_of_first(target: Any, name: str) -> bool:
    """Return whether all that the source takes of an argument is a part of its first: `hidden[0][k]` of (h,)."""
    taken = [node for node in nodes_of(target) if isinstance(node, ast.Subscript)]
    first = [node for node in taken if name_of(node.value) == name]
    parts = [node.value for node in taken if isinstance(node.value, ast.Subscript)]
    return bool(first) and all(node in parts and getattr(node.slice, "value", None) == 0 for node in first)


def unpacked_into(target: Any, name: str, helpers: Sequence[ast.FunctionDef] = ()) -> list[str]:
    """Return the names that the source gives the parts of an argument: `h, c = state`, or h of `h = state[0]`.

    Where it is not taken apart there, those that a helper gives the parts of its argument of the same name, or of
    another name that it has: `carry` of `carry = zeros if initial_carry is None else initial_carry`.
    """
    nodes = nodes_of(target)
    if found := _unpacked_in(nodes, name):
        return found
    names = names_of(nodes, name)
    places = ((helper, own) for helper in helpers for own in arguments_of(helper) if own in names)
    return next((found for helper, own in places if (found := _unpacked_in([*ast.walk(helper)], own))), [])


def _unpacked_in(nodes: Sequence[ast.AST], name: str) -> list[str]:
    by_index, apart = dict[int, str](), dict[bool, list[str]]()
    for node in [node for node in nodes if isinstance(node, ast.Assign)]:
        parts = [part for one in node.targets for part in getattr(one, "elts", ())]
        plain = isinstance(node.value, ast.Name)
        if len(parts) > 1 and name == (name_of(node.value) if plain else unbound(node.value)):
            apart.setdefault(plain, [name_of(part) for part in parts])
        values = getattr(node.value, "elts", None) or [node.value]
        for part, value in zip(parts or node.targets, values, strict=False):
            while isinstance(value, ast.Subscript) and not isinstance(value.value, ast.Name):
                value = value.value  # states[0] of states[0][k]
            index = value.slice if isinstance(value, ast.Subscript) and name_of(value.value) == name else None
            if isinstance(index, ast.Constant) and isinstance(index.value, int):
                by_index.setdefault(index.value, name_of(part))
    found = apart.get(True) or apart.get(False)  # a pair before a tensor
    return found or ([by_index[0], by_index[1]] if set(by_index) == {0, 1} else [])


def side_by_side(target: Any, name: str) -> list[str]:
    """Return h and c of one tensor that holds both: of `h, c = state.chunk(2, -1)`, `h, c = s[:, :n], s[:, n:]`."""
    by_part: dict[bool, str] = {}
    for node in [node for node in nodes_of(target) if isinstance(node, ast.Assign)]:
        parts = [*map(name_of, assigned_in(node))]
        if len(parts) == 2 and _splits_last_axis(node.value, name):
            return parts
        values = getattr(node.value, "elts", [node.value])
        for part, value in zip(parts, values, strict=False):
            if isinstance(value, ast.Subscript) and name_of(value.value) == name:
                *before, last = getattr(value.slice, "elts", [value.slice])
                if before and isinstance(last, ast.Slice) and (last.lower is None) != (last.upper is None):
                    by_part.setdefault(last.upper is None, part)
    return [by_part[False], by_part[True]] if len(by_part) == 2 else []


def may_be_pair(target: Any, name: str) -> bool:
    """Return whether the source asks if a state is a tuple, or if it is a tensor, and takes it apart where it is none:
    `h, c = state`, `state[0]`.
    """
    nodes = nodes_of(target)
    asked = [node.args[1] for node in nodes if isinstance(node, ast.Call) and called(node) == "isinstance"
             and len(node.args) == 2 and name_of(node.args[0]) == name]  # fmt: skip
    types = " ".join(map(ast.unparse, asked)).lower()
    two = (
        len(assigned_in(node)) == 2 for node in nodes if isinstance(node, ast.Assign) and name_of(node.value) == name
    )
    indexed = (name_of(node.value) == name for node in nodes if isinstance(node, ast.Subscript))
    return "tuple" in types or ("tensor" in types and (any(two) or any(indexed)))


def is_unbound(target: Any, name: str) -> bool:
    """Return whether the source takes an argument apart along its first axis: `h, c = state.unbind(0)`."""
    return any(unbound(node) == name for node in nodes_of(target))


def is_cut(target: Any, name: str) -> bool:
    """Return whether the source cuts an argument as it can cut a tensor alone: `h_0.split(1)`, `torch.unbind(h_0)`."""
    calls = [node for node in nodes_of(target) if isinstance(node, ast.Call) and called(node) in _CUTS]
    cut = (part for node in calls for part in (getattr(node.func, "value", None), *node.args[:1]))
    return any(isinstance(part, ast.Name) and part.id == name for part in cut)


def _splits_last_axis(node: ast.expr, name: str) -> bool:
    """Return whether a call is `name.chunk(2, -1)`, `torch.split(name, n, dim=1)` or its like."""
    if not isinstance(node, ast.Call) or called(node) not in _CUTS[1:]:
        return False
    held = node.func.value if isinstance(node.func, ast.Attribute) else None
    of_torch = held is not None and name_of(held) in _MODULES
    given = node.args if of_torch else [held, *node.args]
    axes = [*given[2:], *(one.value for one in node.keywords if one.arg in ("dim", "axis"))]
    last = [ast.unparse(axis) in ("-1", "1", "2") for axis in axes if axis is not None]
    return bool(given) and given[0] is not None and name_of(given[0]) == name and last == [True]


def names_a_state(name: str) -> bool:
    return is_cell_state(name) or role(name) == "state"


def returned_names(target: Any) -> list[str]:
    """Return the names in what a function returns last, in order: of `return out, (h, c[-1])` out, h and c."""

    def names(part: ast.expr) -> list[str]:
        if isinstance(part, ast.Tuple | ast.List):
            return [name for one in part.elts for name in names(one)]
        of = part.func.value if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) else None
        if of is not None and name_of(of) not in _MODULES:  # h.unsqueeze(0)
            return names(of)
        if isinstance(part, ast.Call) and part.args:  # torch.stack(cs)
            return names(part.args[0])
        return names(part.value) if isinstance(part, ast.Subscript) else [name_of(part)]

    returned = [node for node in nodes_of(target) if isinstance(node, ast.Return)]
    last = max(returned, key=lambda node: node.lineno, default=None)
    return names(last.value) if last is not None and last.value is not None else []


def returns_c_of_both_last(target: Any) -> bool:
    """Return whether a function returns h of both directions and then c of both: `return y, h_f, h_b, c_f, c_b`."""
    names = [_OF_DIRECTION.sub("", name.lower()) for name in returned_names(target)[-4:]]
    return [*map(is_cell_state, names)] == [False, False, True, True]


def _takes_apart(function: ast.FunctionDef, name: str, in_one: bool) -> bool:
    names, tuples = (set[str](), {name}) if in_one else ({name}, set[str]())

    def meant(node: ast.AST | None) -> bool:
        if isinstance(node, ast.IfExp):  # zeros if h is None else h
            return meant(node.body) or meant(node.orelse)
        part = isinstance(node, ast.Subscript) or (isinstance(node, ast.Attribute) and names_a_state(node.attr))
        from_tuple = part and isinstance(node.value, ast.Name) and node.value.id in tuples  # type: ignore[union-attr]
        return from_tuple or (isinstance(node, ast.Name) and node.id in names)

    def walked(node: ast.expr) -> bool:  # zip(*hx) walks along each of the states
        return meant(node) or (isinstance(node, ast.Starred) and name_of(node.value) in tuples)

    for node in ast.walk(function):
        if not isinstance(node, ast.Assign):
            continue
        if isinstance(node.value, ast.Name) and node.value.id in tuples:
            parts = [part for one in node.targets for part in getattr(one, "elts", ())]
            names |= {part.id for part in parts if isinstance(part, ast.Name)}
        elif meant(node.value):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            if any(isinstance(target, ast.Tuple) for target in node.targets):
                return True

    for node in ast.walk(function):
        for states, done, each in _done_with_each(node):
            both = isinstance(states, ast.Tuple | ast.List) and states.elts and all(map(meant, states.elts))
            apart = any(each == name_of(one) for inner in ast.walk(done) for one in _taken_apart(inner))
            if apart and (both or name_of(states) in tuples):
                return True
    return any(
        any(map(meant, _taken_apart(node)))
        or (isinstance(node, ast.For | ast.comprehension) and meant(node.iter))
        or (isinstance(node, ast.Call) and called(node) in _WALKS and any(map(walked, node.args)))
        for node in ast.walk(function)
    )


def _taken_apart(node: ast.AST) -> list[ast.expr]:
    """Return what an index or a method takes apart: `h` of `h[0]` and of `h.squeeze(0)`; nothing of another node."""
    if isinstance(node, ast.Subscript):
        return [] if _keeps_axes(node) else [node.value]
    return [node.value] if isinstance(node, ast.Attribute) and node.attr in _APART else []


def _done_with_each(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, str]]:
    """Yield what is walked along, what is done with each element, and its name there: `s[0] for s in state`, or map."""
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        yield node.generators[0].iter, node.elt, name_of(node.generators[0].target)
    elif isinstance(node, ast.Call) and called(node) == "map" and len(node.args) == 2:
        done, walked = node.args
        if isinstance(done, ast.Lambda) and len(arguments_of(done)) == 1:
            yield walked, done.body, arguments_of(done)[0]


def _keeps_axes(node: ast.Subscript) -> bool:
    """Return whether an index keeps the axes: a slice of the batch, `[None]`; or assigns."""
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    plain = [part.value in (None, ...) for part in parts if isinstance(part, ast.Constant)]
    kept = len(parts) == sum(plain) + sum(isinstance(part, ast.Slice) for part in parts)
    return kept or not isinstance(node.ctx, ast.Load)
