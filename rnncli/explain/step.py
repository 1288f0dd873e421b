"""One time step of a layer, product by product, and what changes in the other layers and directions."""

from collections.abc import Iterator

from rnncli.core.case import Case
from rnncli.core.shapes import parameter_sizes
from rnncli.core.words import joined, size
from rnncli.explain.blocks import Block, Prose, Section, Table
from rnncli.explain.equations import ELSEWHERE, GATES, elementwise, parts, sums, with_torch_s_names


def one_step(case: Case) -> Section:
    """Return the section about one step of layer 0, forward."""
    cell, one = case.cell, len(case.cell.states) == 1
    start = joined([f"`{name}[0]`" for name in cell.initial])
    if case.input.h_0 == "omitted":
        start = f"zeros, because {joined(cell.initial)} {'is' if one else 'are'} omitted"
    are, they = ("is the state", "it is") if one else ("are the states", "they are")
    shrinks = " N counts the sequences that still run: it shrinks as sequences end." * (case.input.layout == "packed")
    text = f"{_states(case)} {are} of the step before; at t=0 {they} {start}.{shrinks}"
    blocks: list[Block] = [Prose(text), Table(("term", "sizes", "gives"), tuple(_products(case)))]
    if cell.name in GATES:
        text = f"The rows of the weights and biases belong to the gates, in this order. {ELSEWHERE[cell.name]}"
        blocks += [Prose(text), Table(("gate", "rows", "PyTorch calls them", "what it does"), tuple(_gates(case)))]
    return Section("One step of layer 0, forward", (*blocks, *map(Prose, _below(case))))


def _products(case: Case) -> Iterator[tuple[str, str, str]]:
    shapes, rnn, gates = parameter_sizes(case), case.rnn, case.cell.gates
    h_cell = _of_step(case, rnn.hidden_size, case.cell.features_of(case.cell.final[-1]))
    sizes = {"x_t": _of_step(case, rnn.input_size, "H_in"), "h": _of_step(case, rnn.h_out, "H_out"), "m_t": h_cell}

    def row(term: str, gives: str, plus: str = "") -> tuple[str, str, str]:
        shown = with_torch_s_names(term, "l0")
        operand, product, weight = shown.rpartition(" = ")[2].removesuffix(".T").partition(" @ ")
        size_of = f"{sizes[operand]} @ {size(shapes[weight][::-1])}" if product else size(shapes[operand])
        return f"`{plus}{shown}`", size_of, f"-> {gives}"

    for name, terms in sums(case).items():
        gives = _of_step(case, len(gates) * rnn.hidden_size)
        yield from (row(term, gives, "+ " if at else "") for at, term in enumerate(terms))
        if len(gates) > 1:
            each = f"-> {len(gates)} x {_of_step(case, rnn.hidden_size)}"
            yield f"`{parts(case, name)}`", "its columns by gate", each
    for line in elementwise(case):
        shown = f"`{line.replace('(a)', '(the sum)')}`"
        yield row(line, sizes["h"]) if "W_hr" in line else (shown, "element by element", f"-> {h_cell}")


def _gates(case: Case) -> Iterator[tuple[str, str, str, str]]:
    rows, kinds = case.rnn.hidden_size, ("W_i", "W_h", "b_i", "b_h") if case.rnn.bias else ("W_i", "W_h")
    for at, (gate, meaning) in enumerate(GATES[case.cell.name].items()):
        names = ", ".join(kind + gate for kind in kinds)
        yield f"`{gate}`", f"{at * rows}:{(at + 1) * rows}", f"`{names}`", meaning


def _below(case: Case) -> Iterator[str]:
    """Yield what is said below the products: of joined weights, c and its projection, layers, directions, dropout."""
    rnn, shapes = case.rnn, parameter_sizes(case)
    p, hidden, several = rnn.proj_size, rnn.hidden_size, rnn.num_layers > 1
    if len(sums(case)) > 1:
        yield (
            "r and z could come from one linear map of `[x_t, h]`, but n cannot: there r multiplies what comes from h"
            f"{', `bias_hh` included' if rnn.bias else ''}, and not what comes from x_t (`reset_after` in Keras,"
            " `linear_before_reset` in ONNX)."
        )
    else:
        rows, features = shapes["weight_hh_l0"][0], shapes["weight_ih_l0"][1] + shapes["weight_hh_l0"][1]
        yield (
            "The same as one linear map: join `[x_t, h]` along the features and the weights likewise,"
            f" {_of_step(case, features)} @ {size((features, rows))} -> {_of_step(case, rows)}"
            f"{', and the two biases add up to one' if rnn.bias else ''}."
        )
    if len(case.cell.states) > 1:
        projected = (
            f" proj_size {p} projects h by `weight_hr`, without a bias: h, `output` and what layers above read have {p}"
            f" features a direction, `weight_hh` has as many columns, and c and the gates keep {hidden}."
        )
        text = "c goes to the next step and nowhere else: layers above and `output` get h, and the last c is in `c_n`."
        yield text + projected * (p > 0)
    if several:
        weight, two = shapes["weight_ih_l1"], rnn.num_layers == 2
        which = "Layer 1 reads" if two else f"Layers 1 to {rnn.num_layers - 1} read"
        both = f", both directions side by side: D*H_out = 2*{rnn.h_out} = {weight[1]} features" * rnn.bidirectional
        x_t = _of_step(case, weight[1], "D*H_out")
        below = "layer 0" if two else "the layer below"
        yield f"{which} the output of {below}{both}. There x_t is {x_t}, and `weight_ih_l1` is {size(weight)}."
    if rnn.bidirectional:
        half, both = (_of_step(case, count * rnn.h_out) for count in (1, 2))
        start = "each sequence's last step" if case.input.layout == "packed" else f"t={case.input.seq_len - 1}"
        yield (
            f"The reverse direction has parameters of its own (`weight_ih_l0_reverse`, ...) and walks from {start} down"
            f" to t=0: its {_states(case)} {'is that' if len(case.cell.states) == 1 else 'are those'} of step t+1. At"
            f" every step both results stand side by side, {half} and {half} in {both}."
        )
    if rnn.dropout and several:
        active = "active here (train mode)" if case.run.train else "not active here (eval mode)"
        zeros = (
            f"each feature to zero with probability {rnn.dropout:g} and multiplies the rest by 1/(1-{rnn.dropout:g})"
        )
        zeros = zeros if rnn.dropout < 1 else "every feature to zero"
        yield f"Between layers, dropout sets {zeros}, in training alone: {active}."


def _states(case: Case) -> str:
    return joined([f"`{state}`" for state in case.cell.states])


def _of_step(case: Case, features: int, axis: str = "") -> str:
    """Return the size of one time step: (10, 20); with the name of an axis, (N=10, H_in=20)."""
    batch = () if case.input.layout == "unbatched" else (case.input.batch_size,)
    if not axis:
        return size((*batch, features))
    return f"(N={batch[0]}, {axis}={features})" if batch else f"({axis}={features},)"
