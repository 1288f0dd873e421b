"""--trace: one sequence through time, its gates and states, and the gradients of L = output.sum() at each of them."""

import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise, zip_longest
from typing import Any

import torch
from torch import Tensor

from rnncli.core.case import Case
from rnncli.core.shapes import tensor_sizes
from rnncli.core.words import call, joined, letters
from rnncli.explain.blocks import Block, Code, Page, Prose, Section, Table
from rnncli.explain.equations import backward, code, elementwise, parts, sums, weights, with_torch_s_names
from rnncli.explain.grid import Place
from rnncli.explain.snippets import by_module

MOST_UNITS = 4  # of a state; the whole of it where hidden_size is no larger
MOST_VALUES = 8  # of x_t and of the states, in the sum of one step
MOST_STEPS = 8  # around the step that is shown in full
MOST_COLUMNS = 6  # of figures: so many fit into 80 columns

Names = dict[str, Any]  # the values of a step by the names of the code
Columns = dict[str, Tensor]  # by their heads; of terms, by how they are written


def trace(case: Case, place: Place) -> Page:
    """Return the page about the sequence, layer and direction of a place."""
    followed, data = follow(case, place), ".data" if case.input.layout == "packed" else ""
    code = Code("float32, on the CPU", f"{by_module(case)}\noutput{data}.sum().backward()")
    same = Section(f"The same numbers from {case.cell.layer}", (code,))
    sections = (_through_time(case, place, followed), _one(case, place, followed[place.t]), same)
    return Page(call(case), letters(case), sections)


def follow(case: Case, place: Place) -> dict[int, Names]:
    """Return the values of each step, by their names in the code, with gradients.

    They are those of the first piece of code that `rnncli explain` shows, without dropout. h and c are the states
    before the step, h_t and c_t those after it, and `above` is h_t as `output` and the layer above read it.
    """
    parameters, x, states = _drawn(case, place.n)
    followed: dict[int, Names] = {}
    for k in range(case.rnn.num_layers):
        halves = []
        for d in range(case.rnn.directions):
            row = case.rnn.directions * k + d
            steps = _walk(case, x, {state: rows[row] for state, rows in states.items()}, parameters[row], d == 1)
            halves.append(torch.stack([steps[t]["above"] for t in range(len(x))]))  # (L, H_out)
            if (k, d) == (place.layer, int(place.reverse)):
                followed = steps
        x = torch.cat(halves, -1)  # (L, D*H_out)
    x.sum().backward()  # type: ignore[no-untyped-call]
    return followed


def steps_shown(case: Case, place: Place) -> list[int]:
    """Return the steps of the table: all of a short sequence, else both ends and those around the place."""
    packed = case.input.layout == "packed"
    length = case.input.sequence_lengths[place.n] if packed else case.input.seq_len
    if length <= MOST_STEPS:
        return list(range(length))
    near = range(max(0, place.t - 1), min(length, place.t + 2))
    return sorted({0, 1, *near, length - 2, length - 1})


def _drawn(case: Case, n: int) -> tuple[list[list[Tensor]], Tensor, dict[str, Tensor]]:
    """Run the code of the page up to the call of the layer.

    Returns the weights, one sequence (L, H_in), and its states (D*num_layers, features).
    """
    names: Names = {}
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(action="ignore"):
        exec(by_module(case).partition("\noutput, ")[0], names)
    zeros = {name: torch.zeros(size) for name, size in tensor_sizes(case).items()}  # of states that are omitted
    states = {state: names.get(f"{state}_0", zeros[f"{state}_0"]) for state in case.cell.states}
    parameters: list[list[Tensor]] = names["rnn"].all_weights
    if case.input.layout == "unbatched":
        return parameters, names["input"], states
    packed, x = case.input.layout == "packed", names["input"]
    x = names["sequences"][n] if packed else x[n] if case.rnn.batch_first else x[:, n]
    return parameters, x, {state: rows[:, n] for state, rows in states.items()}


def _walk(case: Case, x: Tensor, states: dict[str, Tensor], own: Sequence[Tensor], reverse: bool) -> dict[int, Names]:
    """Return every step of one layer in one direction, over x (L, H_in)."""
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


def columns(case: Case, place: Place, names: Names) -> Columns:
    """Return what is shown of a step: gates, states and gradients. A gate's is that of what its activation is given."""

    def grad(name: str) -> Tensor:
        given: Tensor | None = names[name].grad
        return torch.zeros_like(names[name]) if given is None else given

    gates, states, single = case.cell.gates, case.cell.states, case.cell.has_nonlinearity
    above, following = _handing_down(case, place)
    found = {f"{gate}{'_t' * single}": names[f"{gate}_t"] for gate in gates}
    found |= {f"{state}_t": names[f"{state}_t"] for state in states[::-1]}
    found |= {f"from {above}": grad("above"), f"from {following}": grad("h_t") - grad("above")}
    found |= {f"dL/d{state}_t": grad(f"{state}_t") for state in states}
    of_gates = zip(gates, grad("a").chunk(len(gates)), strict=True)
    return found | {"dL/da_t" if single else f"dL/da_{gate}": part for gate, part in of_gates}


def _handing_down(case: Case, place: Place) -> tuple[str, str]:
    """Return what hands gradients down to a place: the tensor or layer above, and the step that is computed next."""
    above = "output" if place.layer == case.rnn.num_layers - 1 else f"layer {place.layer + 1}"
    return above, "t-1" if place.reverse else "t+1"


def terms(case: Case, place: Place, names: Names) -> Columns:
    """Return the terms of a step and their values: those of each sum, the sum, and what is computed of the sums."""
    gates, found = case.cell.gates, []
    for name in set(weights(case)) - {"W_hr"}:  # by gate, and as the layer calls them
        names |= {f"{name[:-1]}{gate}": rows for gate, rows in zip(gates, names[name].chunk(len(gates)), strict=True)}
        names[with_torch_s_names(name, place.suffix)] = names[name]
    for gate in gates:
        for name, of_sum in sums(case).items():
            shown, part = with_torch_s_names("\n+ ".join(of_sum), place.suffix), "t"
            if len(gates) > 1:
                shown, part = re.sub(r"\b([Wb]_[ih])h\b", rf"\1{gate}", "\n+ ".join(of_sum)), gate
            found += [*shown.splitlines(), f"= {name}_{part}"]
        found += [line for line in elementwise(case) if line.startswith(f"{gate} = ")]
    found += [line.replace("(a)", "(a_t)") for line in elementwise(case) if "_t = " in line]
    expressions = (term.removeprefix("+ ").removeprefix("= ").partition(" = ")[0] for term in found)
    return {term: eval(expression, names) for term, expression in zip(found, expressions, strict=True)}


def _through_time(case: Case, place: Place, followed: dict[int, Names]) -> Section:
    what = "a and h" if case.cell.has_nonlinearity else joined(["the gates", *case.cell.states[::-1]])
    text = f"Forwards, {what} of every step; backwards, the gradients of L = output.sum()."
    blocks: list[Block] = [Prose(text), Table(("value", "what it is"), tuple(_formulas(case, place)))]
    steps = {t: columns(case, place, followed[t]) for t in steps_shown(case, place)}
    # values, gradients of states, and those of gates, in as few tables as fit into the page
    tables: list[list[str]] = [[]]
    for _, group in groupby(steps[place.t], lambda head: (head.startswith(("from", "dL")), head.startswith("dL/da"))):
        heads = list(group)
        tables += [[]] if len(tables[-1]) + len(heads) > MOST_COLUMNS else []
        tables[-1] += heads
    blocks += (_figures(steps, heads) for heads in tables)
    hidden, rows = case.rnn.hidden_size, followed[place.t]["W_hh"]
    if hidden > MOST_UNITS:
        smaller = f"`--hidden-size {MOST_UNITS}` shows a smaller {case.cell.name} whole"
        blocks.append(Prose(f"The first {MOST_UNITS} of {hidden:,} units; {smaller}."))
    else:
        heads = [f"weight_hh_{place.suffix}, row>", *(f"column {unit}>" for unit in range(rows.shape[1]))]
        blocks.append(Table(tuple(heads), tuple((f"{row}", *_cells(values)) for row, values in enumerate(rows))))
    title = f"Sequence n={place.n} through time: layer {place.layer}, {'reverse' if place.reverse else 'forward'}"
    return Section(title, tuple(blocks))


def _formulas(case: Case, place: Place) -> Iterator[tuple[str, str]]:
    (above, following), suffix, single = _handing_down(case, place), place.suffix, case.cell.has_nonlinearity
    for name, found in sums(case).items():
        text = with_torch_s_names(" + ".join(found), suffix).replace(" + h", "` `+ h")  # where a line may end
        what = "the pre-activation" if single else f"by gate {parts(case, name)}"
        yield f"`{name}{'_t' * single}`", f"`{text}`, {what}"
    for line in elementwise(case):
        name, _, text = with_torch_s_names(line, suffix).replace("(a)", "(a_t)").partition(" = ")
        yield f"`{name}`", f"`{text}`"
    for name, text in backward(case).items():
        yield f"`{name}`", text.format(above=above, next=following, suffix=suffix)


def _figures(steps: dict[int, Columns], heads: list[str]) -> Table:
    rows: list[tuple[str, ...]] = []
    for before, t in pairwise([-1, *steps]):
        rows += [("...", *[""] * (len(heads) + 1))] if t > before + 1 else []
        units = zip_longest(*(_cells(steps[t][head]) for head in heads), fillvalue="")
        rows += (("" if unit else f"{t}", f"{unit}", *cells) for unit, cells in enumerate(units))
    return Table(tuple(f"{head}>" for head in ("t", "unit", *heads)), tuple(rows))


def _one(case: Case, place: Place, names: Names) -> Section:
    shown = {name: ", ".join(_cells(names[name], MOST_VALUES)) for name in ("x_t", *case.cell.states)}
    lists = (f"{name} is [{values}{', ...' * (len(names[name]) > MOST_VALUES)}]" for name, values in shown.items())
    text, suffix, gate = f"{', '.join(lists)}.", place.suffix, case.cell.gates[0]
    if not case.cell.has_nonlinearity:
        text += f" W_i{gate} and W_h{gate} are the rows of gate {gate} in weight_ih_{suffix} and weight_hh_{suffix}."
    heads = ("term", *(f"unit {unit}>" for unit in range(min(MOST_UNITS, case.rnn.hidden_size))))
    rows = ((f"`{term}`", *_cells(values)) for term, values in terms(case, place, names).items())
    filled = tuple((*row, *[""] * (len(heads) - len(row))) for row in rows)  # h is shorter where it is projected
    return Section(f"Step t={place.t}, term by term", (Prose(text), Table(heads, filled)))


def _cells(values: Tensor, most: int = MOST_UNITS) -> list[str]:
    """Return numbers in at most nine columns each."""
    found: list[float] = values.detach()[:most].tolist()
    return [f"{value:.5f}" if value == 0 or 1e-3 <= abs(value) < 1000 else f"{value:.2e}" for value in found]
