"""One time step of a layer, product by product, and what changes in the other layers and directions."""

from rnncli.core.case import Case
from rnncli.core.words import joined, size
from rnncli.explain.blocks import Block, Prose, Section, Table
from rnncli.explain.equations import ELSEWHERE, GATES, SUMS, elementwise, parts
from rnncli.explain.sizes import named, of_step, parameter_shapes


def one_step(case: Case) -> Section:
    """Return the section about one step of layer 0, forward."""
    cell, several = case.cell, len(case.cell.states) > 1
    starts = joined([f"`{name}[0]`" for name in cell.initial])
    if case.input.h_0 == "omitted":
        starts = f"zeros, because {' and '.join(cell.initial)} {'are' if several else 'is'} omitted"
    of = joined([f"`{state}`" for state in cell.states])
    text = f"{of} {'are the states' if several else 'is the state'} of the step before; at t=0"
    text += f" {'they are' if several else 'it is'} {starts}."
    if case.input.layout == "packed":
        text += " N counts the sequences that still run: it shrinks as sequences end."
    blocks: list[Block] = [Prose(text), _products(case)]
    if cell.name in GATES:
        blocks += [
            Prose(f"The rows of the weights and biases belong to the gates, in this order. {ELSEWHERE[cell.name]}"),
            _gates(case),
        ]
    texts = (_joined(case), _carried(case), _layers_above(case), _reverse(case), _dropout(case))
    return Section("One step of layer 0, forward", (*blocks, *(Prose(text) for text in texts if text)))


def _products(case: Case) -> Table:
    shapes, rnn, gates = parameter_shapes(case), case.rnn, case.cell.gates
    operands = {"ih": ("x_t", named(case, "H_in", rnn.input_size)), "hh": ("h", named(case, "H_out", rnn.h_out))}
    rows = []
    for name, kinds in SUMS[case.cell.name].items():
        terms = []
        for kind in kinds:
            operand, sizes = operands[kind]
            terms += [(f"{operand} @ weight_{kind}_l0.T", f"{sizes} @ {_transposed(shapes[f'weight_{kind}_l0'])}")]
            terms += [(f"bias_{kind}_l0", size(shapes[f"bias_{kind}_l0"]))] if rnn.bias else []
        gives = f"-> {size(of_step(case, len(gates) * rnn.hidden_size))}"
        rows += [(f"`{'+ ' if at else ''}{term}`", sizes, gives) for at, (term, sizes) in enumerate(terms)]
        if len(gates) > 1:
            one = size(of_step(case, rnn.hidden_size))
            rows += [(f"`{parts(case, name)}`", "its columns by gate", f"-> {len(gates)} x {one}")]
    letter = case.cell.features_of(case.cell.final[-1])
    cell = named(case, letter, rnn.hidden_size)
    for line in elementwise(case):
        if "W_hr" in line:
            sizes = f"{cell} @ {_transposed(shapes['weight_hr_l0'])}"
            rows += [(f"`{line.replace('W_hr', 'weight_hr_l0')}`", sizes, f"-> {operands['hh'][1]}")]
        else:
            shown = line if len(gates) > 1 else line.replace("(a)", "(the sum)")
            rows += [(f"`{shown}`", "element by element", f"-> {cell}")]
    return Table(("term", "sizes", "gives"), tuple(rows))


def _transposed(shape: tuple[int, ...]) -> str:
    return size(shape[::-1])


def _gates(case: Case) -> Table:
    rows, kinds = case.rnn.hidden_size, ("W_i", "W_h", "b_i", "b_h") if case.rnn.bias else ("W_i", "W_h")
    found = (
        (f"`{gate}`", f"{at * rows}:{(at + 1) * rows}", f"`{', '.join(kind + gate for kind in kinds)}`", meaning)
        for at, (gate, meaning) in enumerate(GATES[case.cell.name].items())
    )
    return Table(("gate", "rows", "PyTorch calls them", "what it does"), tuple(found))


def _joined(case: Case) -> str:
    if len(SUMS[case.cell.name]) > 1:
        return (
            "r and z could come from one linear map of `[x_t, h]`, but n cannot: there r multiplies what comes from h"
            f"{', `bias_hh` included' if case.rnn.bias else ''}, and not what comes from x_t (`reset_after` in Keras,"
            " `linear_before_reset` in ONNX)."
        )
    shapes = parameter_shapes(case)
    rows, features = shapes["weight_hh_l0"][0], shapes["weight_ih_l0"][1] + shapes["weight_hh_l0"][1]
    product = f"{size(of_step(case, features))} @ {size((features, rows))}"
    bias = ", and the two biases add up to one" if case.rnn.bias else ""
    return (
        "The same as one linear map: join `[x_t, h]` along the features and the weights likewise,"
        f" {product} -> {size(of_step(case, rows))}{bias}."
    )


def _carried(case: Case) -> str:
    """Say where the states go that are not h, and what a projection changes."""
    if len(case.cell.states) == 1:
        return ""
    rnn = case.rnn
    text = "c goes to the next step and nowhere else: layers above and `output` get h, and the last c is in `c_n`."
    if rnn.proj_size:
        text += (
            f" proj_size {rnn.proj_size} projects h by `weight_hr`, without a bias: h, `output` and what layers"
            f" above read have {rnn.proj_size} features a direction, `weight_hh` has as many columns, and c and the"
            f" gates keep {rnn.hidden_size}."
        )
    return text


def _layers_above(case: Case) -> str:
    rnn = case.rnn
    if rnn.num_layers == 1:
        return ""
    weight = parameter_shapes(case)["weight_ih_l1"]
    which = "Layer 1 reads" if rnn.num_layers == 2 else f"Layers 1 to {rnn.num_layers - 1} read"
    below = "layer 0" if rnn.num_layers == 2 else "the layer below"
    why = f", both directions side by side: D*H_out = 2*{rnn.h_out} = {weight[1]} features" if rnn.bidirectional else ""
    return (
        f"{which} the output of {below}{why}. There x_t is {named(case, 'D*H_out', weight[1])}, and `weight_ih_l1`"
        f" is {size(weight)}."
    )


def _reverse(case: Case) -> str:
    if not case.rnn.bidirectional:
        return ""
    one, both = (size(of_step(case, count * case.rnn.h_out)) for count in (1, 2))
    start = "each sequence's last step" if case.input.layout == "packed" else f"t={case.input.seq_len - 1}"
    states = joined([f"`{state}`" for state in case.cell.states])
    states += " are those" if len(case.cell.states) > 1 else " is that"
    return (
        f"The reverse direction has parameters of its own (`weight_ih_l0_reverse`, ...) and walks from {start} down"
        f" to t=0: its {states} of step t+1. At every step both results stand side by side,"
        f" {one} and {one} in {both}."
    )


def _dropout(case: Case) -> str:
    p = case.rnn.dropout
    if not p or case.rnn.num_layers == 1:
        return ""
    active = "active here (train mode)" if case.run.train else "not active here (eval mode)"
    zeros = f"each feature to zero with probability {p:g} and multiplies the rest by 1/(1-{p:g})"
    return f"Between layers, dropout sets {zeros if p < 1 else 'every feature to zero'}, in training alone: {active}."
