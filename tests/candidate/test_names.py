"""What the names of arguments and weights mean."""

import pytest

from rnncli.candidate.names import gates_among, is_cell_state, is_second_bias, options, orders_of_gates, role, slot
from rnncli.core.cells import CELLS

WEIGHTS = {
    "weight_ih_l0": ("weight_ih", 0, False),
    "weight_hh_l1_reverse": ("weight_hh", 1, True),
    "W_ih": ("weight_ih", None, False),
    "Wxh": ("weight_ih", None, False),
    "Whh": ("weight_hh", None, False),
    "Wax": ("weight_ih", None, False),
    "Waa": ("weight_hh", None, False),
    "U": ("weight_ih", None, False),
    "recurrent_kernel": ("weight_hh", None, False),
    "i2h.weight": ("weight_ih", None, False),
    "h2h.bias": ("bias_hh", None, False),
    "cells.1.i2h.weight": ("weight_ih", 1, False),
    "W_hh_rev.0": ("weight_hh", 0, True),
    "fw_b.0": ("bias", 0, False),
    "bw_h.2": ("weight_hh", 2, True),
    "linear.weight": ("weight", None, False),
    "bh": ("bias", None, False),
    "b_ih": ("bias_ih", None, False),
    "Why": ("readout", None, False),
    "h2o.weight": ("readout", None, False),
    "by": ("readout", None, False),
    "num_layers": (None, None, False),
    "x2g.1.weight": ("weight_ih", 1, False),
    "h_to_gates.weight": ("weight_hh", None, False),
}


@pytest.mark.parametrize(("name", "second"), [("rb", True), ("br", True), ("c_n", True), ("b", False), ("r", False)])
def test_which_names_may_be_of_a_second_bias(name, second):
    assert is_second_bias(name) == second


def test_a_size_is_no_input_that_was_multiplied_before():
    assert role("proj_size") == "proj_size"
    assert role("x_proj") == "projected"


def test_d_model_is_the_width_of_the_input_beside_another_hidden_size():
    assert options(["d_model", "d_hidden"]) == {"d_model": "input_size", "d_hidden": "hidden_size"}
    assert options(["d_in", "d_model"]) == {"d_in": "input_size", "d_model": "hidden_size"}
    assert options(["d_model", "n_layers", "anything"]) == {"d_model": "hidden_size", "n_layers": "num_layers"}


@pytest.mark.parametrize("name", WEIGHTS)
def test_the_name_of_a_weight_says_what_it_is(name):
    assert slot(name) == WEIGHTS[name]


@pytest.mark.parametrize(
    ("names", "meant"),
    [
        ("x input inputs x_t X seq", "input"),
        ("h h0 h_0 hx h_prev prev_h hidden state initial_state a0 h_t_minus_1 h_prev_reverse", "state"),
        ("params weights state_dict p fw bw", "params"),
        ("x_proj", "projected"),
        ("W_ih b_hh Wxh", None),
        ("num_layers n_layers", "num_layers"),
    ],
)
def test_the_name_of_an_argument_says_what_it_is(names, meant):
    assert {name: role(name) for name in names.split()} == dict.fromkeys(names.split(), meant)


@pytest.mark.parametrize(
    ("cell", "names", "gates"),
    [
        ("LSTM", "W_ii W_if W_ig W_io W_hi W_hf W_hg W_ho", "i f g o i f g o"),
        ("LSTM", "Wf Wi Wc Wo bf bi bc bo", "f i g o f i g o"),
        ("LSTM", "W_gx W_gh W_ix W_ih W_fx W_fh W_ox W_oh", "g g i i f f o o"),
        ("LSTM", "forget_gate.weight input_gate.weight cell_gate.weight output_gate.weight", "f i g o"),
        ("LSTM", "x2i.weight x2f.weight x2c.weight x2o.weight", "i f g o"),
        ("GRU", "Wz Wr Wh Uz Ur Uh bz br bh", "z r n z r n z r n"),
        ("GRU", "W_ir W_iz W_in b_hr b_hz b_hn", "r z n r z n"),
        ("GRU", "reset_x.weight update_x.weight new_x.weight", "r z n"),
    ],
)
def test_names_that_differ_in_a_word_for_each_gate_tell_the_gates(cell, names, gates):
    found = gates_among(names.split(), CELLS[cell])
    assert [found[name][1] for name in names.split()] == gates.split()


@pytest.mark.parametrize(
    ("cell", "names"),
    [("LSTM", "Wx Wh b"), ("GRU", "Wx Wh b"), ("LSTM", "W_i W_f W_o"), ("GRU", "W_ih W_hh b_ih b_hh")],
)
def test_names_of_which_a_gate_is_missing_tell_none(cell, names):
    assert gates_among(names.split(), CELLS[cell]) == {}


@pytest.mark.parametrize(
    ("cell", "text", "orders"),
    [
        ("LSTM", "kernel (I, 4H), gates i, f, c, o", {"ifgo"}),
        ("LSTM", "tf's BasicLSTMCell: i, j, f, o.", {"igfo"}),
        ("LSTM", "W in ONNX's order, iofc", {"iofg"}),
        ("LSTM", "stacked: the input gate, forget gate, output gate and cell candidate", {"ifog"}),
        ("LSTM", "An LSTM with four gates: forget, input, output and candidate.", set()),
        ("LSTM", "the gates are not i, f, g, o", set()),
        ("LSTM", "ours is i|f|o|g, and PyTorch's i|f|g|o", {"ifog", "ifgo"}),
        ("LSTM", "x, i, f, g, o", set()),
        ("LSTM", "i, f, g, o, c", set()),
        ("LSTM", "h, c, i, f", set()),
        ("GRU", "z, r, h", {"zrn"}),
        ("GRU", "reset, update, new, as in torch.nn.GRU", {"rzn"}),
        ("GRU", "run the layer", set()),
    ],
)
def test_a_text_lists_the_gates_in_an_order(cell: str, text: str, orders: set[str]) -> None:
    assert orders_of_gates(text, CELLS[cell]) == set(map(tuple, orders))


def test_a_state_is_known_by_when_it_is() -> None:
    names = "begin_state cur_state curr_h past_hidden h_before h_minus_1 rnn_hxs decoder_hidden state_tuple pre_state"
    assert [name for name in names.split() if role(name) != "state"] == []
    assert [name for name in ["cur_c", "past_cell", "c_before", "c_minus_1", "pre_c"] if not is_cell_state(name)] == []
    assert [name for name in ["begins", "input_hidden", "predict", "prec"] if role(name) == "state"] == []
