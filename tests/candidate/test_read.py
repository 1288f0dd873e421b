"""How a candidate is read: what names mean, and what is made of functions and classes that tell little."""

import pytest
import torch
from torch import nn

import rnncli
from rnncli.candidate.names import role, slot
from rnncli.candidate.read import Unreadable, read
from rnncli.case import Case, altered

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
        ("h h0 h_0 hx h_prev prev_h hidden state initial_state a0 h_t_minus_1 h_prev_reverse", "h_0"),
        ("params weights state_dict p fw bw", "params"),
        ("x_proj", "projected"),
        ("W_ih b_hh Wxh", None),
        ("num_layers n_layers", "num_layers"),
    ],
)
def test_the_name_of_an_argument_says_what_it_is(names, meant):
    assert {name: role(name) for name in names.split()} == dict.fromkeys(names.split(), meant)


def steps(x, h, W_ih, W_hh, b_ih, b_hh, W=lambda w: w.T):
    states = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W(W_hh) + b_hh)
        states.append(h)
    return torch.stack(states), h


def by_order(seq, start, w1, w2, b1, b2):
    return steps(seq, start, w1, w2, b1, b2)


def keyword_only(*, x, h0, W_ih, W_hh, b_ih, b_hh):
    return steps(x, h0, W_ih, W_hh, b_ih, b_hh)


def state_first(x, h, W_ih, W_hh, b_ih, b_hh):
    return steps(x, h, W_ih, W_hh, b_ih, b_hh)[::-1]


def as_a_dict(x, h, W_ih, W_hh, b_ih, b_hh):
    output, h = steps(x, h, W_ih, W_hh, b_ih, b_hh)
    return {"output": output, "hidden": h}


class OfAClass:
    def __init__(self, dim, width):
        self.w = {"x": torch.zeros(dim, width), "h": torch.zeros(width, width), "b": torch.zeros(1, width)}

    def run(self, sequence):
        h, states = 0 * sequence[0] @ self.w["x"], []
        for x_t in sequence:
            h = torch.tanh(x_t @ self.w["x"] + h @ self.w["h"] + self.w["b"])
            states.append(h)
        return states


class Wrapped(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.inner = nn.RNN(n_in, n_out, batch_first=True)

    def forward(self, x):
        return self.inner(x)[0]


def letters(x, U, W, b, h):
    states = []
    for x_t in x:
        h = torch.tanh(b + h @ W.T + x_t @ U.T)
        states.append(h)
    return torch.stack(states), h


def state_bias_first(x, W_ih, W_hh, b_h, b_i, h):
    return steps(x, h, W_ih, W_hh, b_i, b_h)


TELLING_LITTLE = [
    by_order,
    keyword_only,
    state_first,
    as_a_dict,
    letters,
    state_bias_first,
    OfAClass,
    Wrapped,
]


@pytest.mark.parametrize("target", TELLING_LITTLE)
def test_what_tells_little_is_read_by_trying(target):
    adapted = read(target, "mine.py:target", Case())
    assert adapted.reading.agrees


def test_matrices_of_a_function_lie_all_one_way_so_that_one_turned_alone_is_wrong():
    def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
        return steps(x, h, W_ih, W_hh, b_ih, b_hh, W=lambda w: w)

    assert not read(rnn, "mine.py:rnn", Case()).reading.agrees


def test_of_two_biases_one_is_forgotten_whatever_they_are_called():
    def rnn(x, W_ih, W_hh, b_h, b_i, h):
        return steps(x, h, W_ih, W_hh, 0 * b_i, b_h)

    assert not read(rnn, "mine.py:rnn", Case()).reading.agrees


class BothAtOnce(nn.Module):
    """Both directions in one parameter, the cells of each by number or by letter: see `names`."""

    def __init__(self, n_in, n_hid):
        super().__init__()
        self.w_ih = nn.Parameter(torch.zeros(2, n_hid, n_in))
        self.w_hh = nn.Parameter(torch.zeros(2, n_hid, n_hid))
        self.b = nn.Parameter(torch.zeros(2, 1, n_hid))

    def forward(self, x, h_0):
        halves = []
        for d in range(2):
            output, h = steps(x.flip(0) if d else x, h_0[d], self.w_ih[d], self.w_hh[d], self.b[d], 0)
            halves.append((output.flip(0) if d else output, h))
        return torch.cat([output for output, _ in halves], -1), torch.stack([h for _, h in halves])


class ByLetter(nn.Module):
    def __init__(self, n_in, n_hid):
        super().__init__()
        self.f, self.b = nn.RNNCell(n_in, n_hid), nn.RNNCell(n_in, n_hid)

    def forward(self, x, h_0):
        f, b = h_0
        forward, reverse = [], []
        for x_f, x_b in zip(x, x.flip(0), strict=True):
            f, b = self.f(x_f, f), self.b(x_b, b)
            forward.append(f)
            reverse.insert(0, b)
        return torch.cat([torch.stack(forward), torch.stack(reverse)], -1), torch.stack([f, b])


@pytest.mark.parametrize("target", [BothAtOnce, ByLetter])
def test_the_weights_of_both_directions_find_their_places(target):
    case = altered(Case(), rnn={"bidirectional": True})
    reading = read(target, "mine.py:target", case).reading
    assert reading.agrees
    assert reading.directions


class BatchFirstInVain(nn.Module):
    def __init__(self, input_size, hidden_size, batch_first=False):  # noqa: ARG002
        super().__init__()
        self.inner = nn.RNN(input_size, hidden_size)

    def forward(self, x, h_0):
        return self.inner(x, h_0)


def test_an_argument_batch_first_is_put_to_the_test():
    case = altered(Case(), rnn={"batch_first": True})
    report = rnncli.verify(BatchFirstInVain, batch_first=True)
    assert read(BatchFirstInVain, "mine.py:target", case).reading.agrees
    assert [found.id for found in report.diagnosis] == ["batch-first-ignored"]


def test_a_function_that_stacks_layers_wrongly_is_not_taken_for_one_of_a_single_layer():
    def rnn(x, h, W_ih: list, W_hh: list, b_ih: list, b_hh: list):
        outputs = [steps(x, h[k], W_ih[k], W_hh[k], b_ih[k], b_hh[k]) for k in range(len(W_ih))]  # all read x
        return outputs[-1][0], torch.stack([final for _, final in outputs])

    case = altered(Case(), rnn={"num_layers": 2})
    assert read(rnn, "mine.py:rnn", case).reading.layers


def test_what_is_no_rnn_is_unreadable_and_the_message_says_what_was_seen():
    def mean(x):
        return x.mean()

    with pytest.raises(Unreadable, match=r"cannot tell how to call it \(its arguments are x\): .* rnncli adapt"):
        read(mean, "mine.py:mean", Case())
