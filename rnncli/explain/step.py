"""One time step of a layer, product by product, and what changes in the other layers and directions."""

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
    shrinks = " N counts the sequences that still run: it shrinks as sequences end."
    text = f"{_states(case)} {are} of the step before; at t=0 {they} {start}."
    blocks: list[Block] = [Prose(text + shrinks * (case.input.layout == "packed")), _products(case)]
    if cell.name in GATES:
        text = f"The rows of the weights and biases belong to the gates, in this order. {ELSEWHERE[cell.name]}"
        blocks += [Prose(text), _gates(case)]
    texts = (_joined(case), _beside_h(case), _layers_above(case), _reverse(case), _dropout(case))
    return Section("One step of layer 0, forward", (*blocks, *(Prose(text) for text in texts if text)))


def _states(case: Case) -> str:
    return joined([f"`{state}`" for state in case.cell.states])


def _products(case: Case) -> Table:
    shapes, rnn, gates = parameter_sizes(case), case.rnn, case.cell.gates
    h_cell = _named(case, case.cell.features_of(case.cell.final[-1]), rnn.hidden_size)
    sizes = {"x_t": _named(case, "H_in", rnn.input_size), "h": _named(case, "H_out", rnn.h_out), "m_t": h_cell}
    rows: list[tuple[str, str, str]] = []

    def row(term: str, gives: str, plus: str = "") -> tuple[str, str, str]:
        shown = with_torch_s_names(term, "l0")
        operand, product, weight = shown.rpartition(" = ")[2].removesuffix(".T").partition(" @ ")
        size_of = f"{sizes[operand]} @ {size(shapes[weight][::-1])}" if product else size(shapes[operand])
        return f"`{plus}{shown}`", size_of, f"-> {gives}"

    for name, terms in sums(case).items():
        gives = _of_step(case, len(gates) * rnn.hidden_size)
        rows += (row(term, gives, "+ " if at else "") for at, term in enumerate(terms))
        if len(gates) > 1:
            each = f"-> {len(gates)} x {_of_step(case, rnn.hidden_size)}"
            rows += [(f"`{parts(case, name)}`", "its columns by gate", each)]
    for line in elementwise(case):
        shown = f"`{line.replace('(a)', '(the sum)')}`"
        rows += [row(line, sizes["h"]) if "W_hr" in line else (shown, "element by element", f"-> {h_cell}")]
    return Table(("term", "sizes", "gives"), tuple(rows))


def _gates(case: Case) -> Table:
    rows, kinds = case.rnn.hidden_size, ("W_i", "W_h", "b_i", "b_h") if case.rnn.bias else ("W_i", "W_h")
    found = (
        (f"`{gate}`", f"{at * rows}:{(at + 1) * rows}", f"`{', '.join(kind + gate for kind in kinds)}`", meaning)
        for at, (gate, meaning) in enumerate(GATES[case.cell.name].items())
    )
    return Table(("gate", "rows", "PyTorch calls them", "what it does"), tuple(found))


def _joined(case: Case) -> str:
    if len(sums(case)) > 1:
        return (
            "r and z could come from one linear map of `[x_t, h]`, but n cannot: there r multiplies what comes from h"
            f"{', `bias_hh` included' if case.rnn.bias else ''}, and not what comes from x_t (`reset_after` in Keras,"
            " `linear_before_reset` in ONNX)."
        )
    shapes = parameter_sizes(case)
    rows, features = shapes["weight_hh_l0"][0], shapes["weight_ih_l0"][1] + shapes["weight_hh_l0"][1]
    bias = ", and the two biases add up to one" if case.rnn.bias else ""
    return (
        "The same as one linear map: join `[x_t, h]` along the features and the weights likewise,"
        f" {_of_step(case, features)} @ {size((features, rows))} -> {_of_step(case, rows)}{bias}."
    )


def _beside_h(case: Case) -> str:
    """Say where a state goes that is not h, and what a projection changes."""
    if len(case.cell.states) == 1:
        return ""
    p, hidden = case.rnn.proj_size, case.rnn.hidden_size
    projected = (
        f" proj_size {p} projects h by `weight_hr`, without a bias: h, `output` and what layers above read have {p}"
        f" features a direction, `weight_hh` has as many columns, and c and the gates keep {hidden}."
    )
    text = "c goes to the next step and nowhere else: layers above and `output` get h, and the last c is in `c_n`."
    return text + (projected if p else "")


def _layers_above(case: Case) -> str:
    rnn = case.rnn
    if rnn.num_layers == 1:
        return ""
    weight = parameter_sizes(case)["weight_ih_l1"]
    which = "Layer 1 reads" if rnn.num_layers == 2 else f"Layers 1 to {rnn.num_layers - 1} read"
    below = "layer 0" if rnn.num_layers == 2 else "the layer below"
    why = f", both directions side by side: D*H_out = 2*{rnn.h_out} = {weight[1]} features" if rnn.bidirectional else ""
    x_t = _named(case, "D*H_out", weight[1])
    return f"{which} the output of {below}{why}. There x_t is {x_t}, and `weight_ih_l1` is {size(weight)}."


def _reverse(case: Case) -> str:
    if not case.rnn.bidirectional:
        return ""
    one, both = (_of_step(case, count * case.rnn.h_out) for count in (1, 2))
    start = "each sequence's last step" if case.input.layout == "packed" else f"t={case.input.seq_len - 1}"
    states = f"{_states(case)} {'is that' if len(case.cell.states) == 1 else 'are those'}"
    return (
        f"The reverse direction has parameters of its own (`weight_ih_l0_reverse`, ...) and walks from {start} down to"
        f" t=0: its {states} of step t+1. At every step both results stand side by side, {one} and {one} in {both}."
    )


def _dropout(case: Case) -> str:
    p = case.rnn.dropout
    if not p or case.rnn.num_layers == 1:
        return ""
    active = "active here (train mode)" if case.run.train else "not active here (eval mode)"
    zeros = f"each feature to zero with probability {p:g} and multiplies the rest by 1/(1-{p:g})"
    return f"Between layers, dropout sets {zeros if p < 1 else 'every feature to zero'}, in training alone: {active}."


def _of_step(case: Case, features: int) -> str:
    return size((features,) if case.input.layout == "unbatched" else (case.input.batch_size, features))


def _named(case: Case, axis: str, features: int) -> str:
    """Return the size of one time step with the names of its axes: (N=10, H_in=20)."""
    unbatched = case.input.layout == "unbatched"
    return f"({axis}={features},)" if unbatched else f"(N={case.input.batch_size}, {axis}={features})"
