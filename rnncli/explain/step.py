"""One time step of a layer, product by product, and what changes in the other layers and directions."""

from rnncli.core.case import Case
from rnncli.core.words import size
from rnncli.explain.blocks import Block, Prose, Section, Table
from rnncli.explain.sizes import named, parameter_shapes


def one_step(case: Case) -> Section:
    """Return the section about one step of layer 0, forward."""
    first = "zeros, because h_0 is omitted" if case.input.h_0 == "omitted" else "`h_0[0]`"
    text = f"`h` is the state of the step before; at t=0 it is {first}."
    if case.input.layout == "packed":
        text += " N counts the sequences that still run: it shrinks as sequences end."
    blocks: list[Block] = [Prose(text), _products(case), _joined(case)]
    blocks += [Prose(text) for text in (_layers_above(case), _reverse(case), _dropout(case)) if text]
    return Section("One step of layer 0, forward", tuple(blocks))


def _products(case: Case) -> Table:
    shapes, rnn = parameter_shapes(case), case.rnn
    h_out, h_in = shapes["weight_ih_l0"]
    gives = f"-> {size(_step_shape(case, h_out))}"
    state = named(case, "H_out", h_out)
    rows = [("`x_t @ weight_ih_l0.T`", f"{named(case, 'H_in', h_in)} @ {size((h_in, h_out))}", gives)]
    rows += [("`+ bias_ih_l0`", size(shapes["bias_ih_l0"]), gives)] if rnn.bias else []
    rows += [("`+ h @ weight_hh_l0.T`", f"{state} @ {size((h_out, h_out))}", gives)]
    rows += [("`+ bias_hh_l0`", size(shapes["bias_hh_l0"]), gives)] if rnn.bias else []
    rows += [(f"`h_t = {rnn.nonlinearity}(the sum)`", "element by element", f"-> {state}")]
    return Table(("term", "sizes", "gives"), tuple(rows))


def _joined(case: Case) -> Prose:
    h_out, h_in = parameter_shapes(case)["weight_ih_l0"]
    product = f"{size(_step_shape(case, h_in + h_out))} @ {size((h_in + h_out, h_out))}"
    bias = ", and the two biases add up to one" if case.rnn.bias else ""
    return Prose(
        "The same as one linear map: join `[x_t, h]` along the features and the weights likewise,"
        f" {product} -> {size(_step_shape(case, h_out))}{bias}."
    )


def _layers_above(case: Case) -> str:
    rnn = case.rnn
    if rnn.num_layers == 1:
        return ""
    features = parameter_shapes(case)["weight_ih_l1"][1]
    which = "Layer 1 reads" if rnn.num_layers == 2 else f"Layers 1 to {rnn.num_layers - 1} read"
    below = "layer 0" if rnn.num_layers == 2 else "the layer below"
    why = (
        f", both directions side by side: D*H_out = 2*{rnn.hidden_size} = {features} features"
        if rnn.bidirectional
        else ""
    )
    return (
        f"{which} the output of {below}{why}. There x_t is {named(case, 'D*H_out', features)}, and `weight_ih_l1`"
        f" is {size((rnn.hidden_size, features))}."
    )


def _reverse(case: Case) -> str:
    if not case.rnn.bidirectional:
        return ""
    h_out = case.rnn.hidden_size
    one, both = size(_step_shape(case, h_out)), size(_step_shape(case, 2 * h_out))
    start = "each sequence's last step" if case.input.layout == "packed" else f"t={case.input.seq_len - 1}"
    return (
        f"The reverse direction has parameters of its own (`weight_ih_l0_reverse`, ...) and walks from {start} down"
        " to t=0: its `h` is that of step t+1. At every step both results stand side by side,"
        f" {one} and {one} in {both}."
    )


def _dropout(case: Case) -> str:
    rnn = case.rnn
    if not rnn.dropout or rnn.num_layers == 1:
        return ""
    active = "active here (train mode)" if case.run.train else "not active here (eval mode)"
    return (
        f"Between layers, dropout sets each feature to zero with probability {rnn.dropout:g} and multiplies the rest"
        f" by 1/(1-{rnn.dropout:g}), in training alone: {active}."
        if rnn.dropout < 1
        else f"Between layers, dropout sets every feature to zero, in training alone: {active}."
    )


def _step_shape(case: Case, features: int) -> tuple[int, ...]:
    return (features,) if case.input.layout == "unbatched" else (case.input.batch_size, features)
