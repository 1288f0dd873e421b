"""What the names of arguments and weights mean."""

import pytest

from rnncli.candidate.names import role, slot

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
}


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
