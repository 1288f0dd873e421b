"""Edits of a candidate's source for the faults of a GRU's and an LSTM's step. Running the edited code decides."""

import ast
import itertools
from collections.abc import Iterator

from rnncli.candidate.names import gates_among, is_cell_state, role
from rnncli.candidate.repair import Places, Source, Way
from rnncli.candidate.syntax import called, name_of
from rnncli.core.cells import CELLS


def in_torchs_order(source: Source) -> Places:
    """The names that rows are cut into, in the order of torch's gates."""
    for target in [target for node in source.of(ast.Assign) for target in node.targets]:
        names = [source.text(one) for one in getattr(target, "elts", [])]
        for cell in (CELLS["LSTM"], CELLS["GRU"]):
            gates = {gate: name for name, (_, gate) in gates_among(names, cell).items()}
            if len(gates) == len(names) == len(cell.gates):
                yield source.replaced(target, ", ".join(gates[gate] for gate in cell.gates))


def update_turned(source: Source) -> Places:
    """z and 1 - z, or the ends between which z leads, in each other's place."""
    for node in [node for node in source.of(ast.BinOp) if isinstance(node.op, ast.Add)]:
        for kept, other in ((node.left, node.right), (node.right, node.left)):
            rests = [one for one in _factors(other) if _is_rest(one)]
            for rest, gate in itertools.product(rests, _factors(kept)):
                z = source.text(gate)
                if source.text(rest).endswith(f"- {z}"):
                    yield source.all_replaced(node, {rest: z, gate: f"(1 - {z})"})
    for call in source.calls("lerp"):
        if len(call.args) == 3:
            start, end, _ = call.args
            yield source.all_replaced(call, {start: source.text(end), end: source.text(start)})


def reset_after_product(source: Source) -> Places:
    """r outside the product: `r * self.hn(h)` for `self.hn(r * h)`, with the bias that follows, and without."""
    for node in source.of(ast.Call, ast.BinOp):
        if isinstance(node, ast.Call) and len(node.args) == 1:
            for reset, state in _reset(node.args[0]):
                yield source.replaced(node, f"{reset} * {source.text(node.func)}({state})")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            for reset, state in _reset(node.left):
                product = f"{state} @ {source.text(node.right)}"
                yield source.replaced(node, f"{reset} * ({product})")
                above = source.parents[node]
                if isinstance(above, ast.BinOp) and isinstance(above.op, ast.Add) and above.left is node:
                    yield source.replaced(above, f"{reset} * ({product} + {source.text(above.right)})")


def bias_inside(source: Source) -> Places:
    """What is added to r times a product inside of it: `r * (h @ W + b)` for `r * (h @ W) + b`."""
    for node in [node for node in source.of(ast.BinOp) if isinstance(node.op, ast.Add)]:
        of_two = isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Add)
        first = f"{source.text(node.left.left)} + " if of_two else ""  # type: ignore[attr-defined]
        reset_product = _factors(node.left.right if of_two else node.left)  # type: ignore[attr-defined]
        if reset_product:
            reset, product = map(source.text, reset_product)
            yield source.replaced(node, f"{first}{reset} * ({product} + {source.text(node.right)})")


def without_one_added(source: Source) -> Places:
    for node in source.of(ast.BinOp):
        if isinstance(node.op, ast.Add) and isinstance(node.right, ast.Constant):
            yield source.replaced(node, source.text(node.left))


def cell_carried(source: Source) -> Places:
    """The new c assigned to the name that the next step reads, or the forget gate times c added to it."""
    yield from source.carried()
    for node in source.of(ast.Assign):
        cell = name_of(node.targets[0])
        product = isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.Mult)
        if is_cell_state(cell) and product:
            names = {one.id for one in source.of(ast.Name)}
            forget = sorted(one for one in names if one.lower().startswith("f"))
            yield source.replaced(node.value, *(f"{one} * {cell} + {source.text(node.value)}" for one in forget))


def states_exchanged(source: Source) -> Places:
    """The last two of what is returned, the other way round."""
    for node in source.of(ast.Tuple):
        returned = isinstance(source.parents[node], ast.Return | ast.Tuple) and len(node.elts) > 1
        last = node.elts[-2:]
        if returned and not any(isinstance(one, ast.Tuple) for one in last):
            yield source.all_replaced(node, {last[0]: source.text(last[1]), last[1]: source.text(last[0])})


def tanh_of_c(source: Source) -> Places:
    for node in source.of(ast.BinOp):
        if isinstance(node.op, ast.Mult):
            for one in [one for one in (node.left, node.right) if is_cell_state(name_of(one))]:
                yield source.replaced(one, f"torch.tanh({source.text(one)})")


def other_activation(source: Source) -> Places:
    """A sigmoid for a tanh, and the reverse; first where the name of a gate asks for it, for i * g is g * i."""
    other = {"sigmoid": "tanh", "tanh": "sigmoid"}
    names = {call: _assigned_to(source, call) for call in source.calls(*other)}
    gates = {name: gate for cell in (CELLS["LSTM"], CELLS["GRU"])
             for name, (_, gate) in gates_among([*filter(None, names.values())], cell).items()}  # fmt: skip

    def is_asked_for(call: ast.Call) -> bool:
        return names[call] in gates and (gates[names[call]] in ("g", "n")) == (other[called(call)] == "tanh")

    for call in sorted(names, key=is_asked_for, reverse=True):
        name = called(call)
        yield source.replaced(call.func, source.text(call.func).removesuffix(name) + other[name])


def _assigned_to(source: Source, node: ast.expr) -> str:
    """Return the name that an expression is assigned to, alone or as one of several; "" without one."""
    for above in source.above(node):
        if isinstance(above, ast.Assign):
            target, value = above.targets[0], above.value
            pairs = zip(getattr(target, "elts", []), getattr(value, "elts", []), strict=False)
            inside = [name_of(one) for one, of in pairs if any(part is node for part in ast.walk(of))]
            return (inside or [name_of(target)])[0] or ""
    return ""


def own_input_gate(source: Source) -> Places:
    names = sorted({node.id for node in source.of(ast.Name) if node.id.lower().startswith("i")})
    for node in filter(_is_rest, source.of(ast.BinOp)):
        yield [hunk for name in names for hunk in source.all_replaced(node, {node: name})]


def _factors(node: ast.expr) -> list[ast.expr]:
    return [node.left, node.right] if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) else []


def _is_rest(node: ast.expr) -> bool:
    """Return whether an expression is 1 less something."""
    of_one = isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant) and node.left.value == 1
    return of_one and isinstance(node.op, ast.Sub)  # type: ignore[attr-defined]


def _reset(node: ast.expr) -> Iterator[tuple[str, str]]:
    """Yield the gate and the state of `r * h`, whichever stands first."""
    for gate, state in [_factors(node), _factors(node)[::-1]] if _factors(node) else []:
        if role(name_of(state)) == "state" and role(name_of(gate)) != "state":
            yield ast.unparse(gate), ast.unparse(state)


EDITS: dict[str, Way] = {
    "gates-in-another-order": in_torchs_order,
    "update-inverted": update_turned,
    "reset-before-product": reset_after_product,
    "reset-spares-bias": bias_inside,
    "forget-bias-added": without_one_added,
    "cell-not-carried": cell_carried,
    "cell-detached": Source.attached,
    "hn-cn-swapped": states_exchanged,
    "output-gate-without-tanh": tanh_of_c,
    "gate-activation-wrong": other_activation,
    "input-forget-coupled": own_input_gate,
}
