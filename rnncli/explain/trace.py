"""One sequence of a case followed through time: its gates and states, and the gradients of L = output.sum() there."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rnncli.core.case import Case
from rnncli.core.shapes import tensor_sizes
from rnncli.explain.equations import code, weights, with_torch_s_names
from rnncli.explain.traced import MOST_UNITS, MOST_VALUES, Place, Trace, handing_down, steps_shown, terms
from rnncli.numerics.reference import build

Names = dict[str, Any]  # the values of a step by the names of the code


def follow(case: Case, place: Place) -> Trace:
    """Return the numbers of the sequence, layer and direction of a place.

    They are those of the first piece of code that `rnncli explain` shows: float32, on the CPU, the weights, the input
    and the states drawn in this order after `torch.manual_seed`, without dropout.
    """
    rnn, x, states = _drawn(case, place.n)
    followed: dict[int, Names] = {}
    for k in range(case.rnn.num_layers):
        halves = []
        for d in range(case.rnn.directions):
            row = case.rnn.directions * k + d
            steps = _walk(case, x, {state: rows[row] for state, rows in states.items()}, rnn.all_weights[row], d == 1)
            halves.append(torch.stack([steps[t]["above"] for t in range(len(x))]))  # (L, H_out)
            if (k, d) == (place.layer, int(place.reverse)):
                followed = steps
        x = torch.cat(halves, -1)  # (L, D*H_out)
    x.sum().backward()  # type: ignore[no-untyped-call]
    chosen = followed[place.t]
    return Trace(
        steps={t: _step(case, place, followed[t]) for t in steps_shown(case, place)},
        weight_hh=[_first(row) for row in chosen["W_hh"][: MOST_UNITS * len(case.cell.gates)]],
        given={name: _first(chosen[name], MOST_VALUES) for name in ("x_t", *case.cell.states)},
        terms=_terms(case, place, chosen),
    )


def _drawn(case: Case, n: int) -> tuple[nn.RNNBase, Tensor, dict[str, Tensor]]:
    """Return the layer, one sequence of its input (L, H_in), and by state what it starts from (D*num_layers, ...)."""
    sizes, given = tensor_sizes(case), case.input
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case.run.seed)
        rnn = build(case, torch.float32, torch.device("cpu"))
        if given.layout == "packed":
            x = [torch.randn(length, case.rnn.input_size) for length in given.sequence_lengths][n]
        else:
            x = torch.randn(sizes["input"])
        make = torch.randn if given.h_0 == "random" else torch.zeros
        states = {state: make(sizes[f"{state}_0"]) for state in case.cell.states}
    if given.layout == "batched":
        x = x[n] if case.rnn.batch_first else x[:, n]
    return rnn, x, {name: rows if given.layout == "unbatched" else rows[:, n] for name, rows in states.items()}


def _walk(case: Case, x: Tensor, states: dict[str, Tensor], own: Sequence[Tensor], reverse: bool) -> dict[int, Names]:
    """Return every step of one layer in one direction, over x (L, H_in): h and c are those before it, h_t and c_t those
    after, and `above` is h_t as `output` and the layer above read it.
    """
    program = compile("\n".join(code(case)), "equations", "exec")
    steps = {}
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        names: Names = {"torch": torch, "x_t": x[t], **states, **dict(zip(weights(case), own, strict=True))}
        exec(program, names)
        after = {state: names[state] for state in states}
        steps[t] = names | states | {f"{name}_t": value for name, value in names.items()}
        steps[t]["above"] = after["h"].view_as(after["h"])
        for tensor in (names["a"], steps[t]["above"], *after.values()):
            tensor.retain_grad()
        states = after
    return steps


def _step(case: Case, place: Place, names: Names) -> dict[str, list[float]]:
    def grad(name: str) -> Tensor:
        found: Tensor | None = names[name].grad
        return torch.zeros_like(names[name]) if found is None else found

    (above, following), states = handing_down(case, place), case.cell.states
    gates, mark = case.cell.gates, "_t" if case.cell.has_nonlinearity else ""
    columns = {f"{gate}{mark}": names[f"{gate}_t"] for gate in gates}
    columns |= {f"{state}_t": names[f"{state}_t"] for state in states[::-1]}
    columns |= {f"from {above}": grad("above"), f"from {following}": grad("h_t") - grad("above")}
    columns |= {f"dL/d{state}_t": grad(f"{state}_t") for state in states}
    of_gates = zip(gates, grad("a").chunk(len(gates)), strict=True)
    columns |= {f"dL/da{mark or f'_{gate}'}": part for gate, part in of_gates}
    return {head: _first(values) for head, values in columns.items()}


def _terms(case: Case, place: Place, names: Names) -> dict[str, list[float]]:
    """Return the value of each term of a step, by how the page writes it: a name, or an expression of names."""
    gates = case.cell.gates
    for name in set(weights(case)) - {"W_hr"}:
        blocks = zip(gates, names[name].chunk(len(gates)), strict=True)
        names |= {f"{name[:-1]}{gate}": block for gate, block in blocks}
        names[with_torch_s_names(name, place.suffix)] = names[name]
    found = {term: term.removeprefix("+ ").removeprefix("= ").partition(" = ")[0] for term in terms(case, place)}
    return {term: _first(eval(expression, names)) for term, expression in found.items()}


def _first(values: Tensor, most: int = MOST_UNITS) -> list[float]:
    return [float(value) for value in values.detach()[:most]]
