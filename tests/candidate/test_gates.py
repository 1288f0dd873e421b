"""Which gate each block of rows is, found by experiments on the candidate alone."""

import itertools

import pytest
import torch
from levels import one_in
from torch import nn

from rnncli.candidate.lookalikes import AnotherCellError
from rnncli.candidate.reading import read
from rnncli.core.case import Case


class LSTM(nn.Module):
    """An LSTM whose rows are in the order of a class attribute, with states where it is asked for them."""

    order = "ifgo"

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x, self.h = nn.Linear(input_size, 4 * hidden_size), nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state):
        return self.walked(x, *state)

    def walked(self, x, h, c):
        out = []
        for x_t in x:
            gates = dict(zip(self.order, (self.x(x_t) + self.h(h)).chunk(4, -1), strict=True))
            c = gates["f"].sigmoid() * c + gates["i"].sigmoid() * gates["g"].tanh()
            h = gates["o"].sigmoid() * c.tanh()
            out.append(h)
        return torch.stack(out), h, c


class LSTMWithoutStates(LSTM):
    def forward(self, x):
        h = x.new_zeros(x.shape[1], self.h.in_features)
        return self.walked(x, h, h)[0]


class GRU(nn.Module):
    """A GRU whose rows are in the order of a class attribute."""

    order = "rzn"

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x, self.h = nn.Linear(input_size, 3 * hidden_size), nn.Linear(hidden_size, 3 * hidden_size)

    def forward(self, x, h):
        out = []
        for x_t in x:
            of_x, of_h = (dict(zip(self.order, value.chunk(3, -1), strict=True)) for value in (self.x(x_t), self.h(h)))
            z = torch.sigmoid(of_x["z"] + of_h["z"])
            n = torch.tanh(of_x["n"] + torch.sigmoid(of_x["r"] + of_h["r"]) * of_h["n"])
            h = (1 - z) * n + z * h
            out.append(h)
        return torch.stack(out), h


def rows(target, cell):
    case = Case.model_validate({"rnn": {"cell": cell}, "candidate": "here.py:target"})
    (adapted,) = read(target, "here.py:target", case)
    return {tensor: weight for tensor, weight, _ in adapted.wiring(case)}


ORDERS = [(LSTM, order) for order in itertools.permutations("ifgo")]
ORDERS += [(LSTMWithoutStates, order) for order in ("ifgo", "iofg", "igfo", "ogfi", "fogi")]
ORDERS += [(GRU, order) for order in itertools.permutations("rzn")]


@pytest.mark.parametrize(("target", "order"), one_in(3, ORDERS, "test_any_order_of_rows_is_found"))
def test_any_order_of_rows_is_found(monkeypatch, target, order):
    monkeypatch.setattr(target, "order", order)
    cell = "GRU" if target is GRU else "LSTM"
    told = "" if "".join(order) in ("ifgo", "rzn") else f" rows {','.join(order)}"
    assert rows(target, cell) == {
        "x.weight": f"weight_ih_l0{told}",
        "h.weight": f"weight_hh_l0{told}",
        "x.bias": f"bias_ih_l0{told}",
        "h.bias": f"bias_hh_l0{told}",
    }


class Inverted(GRU):
    def forward(self, x, h):
        out = []
        for x_t in x:
            (xr, xz, xn), (hr, hz, hn) = self.x(x_t).chunk(3, -1), self.h(h).chunk(3, -1)
            z = torch.sigmoid(xz + hz)
            h = z * torch.tanh(xn + torch.sigmoid(xr + hr) * hn) + (1 - z) * h
            out.append(h)
        return torch.stack(out), h


def test_an_update_gate_that_is_inverted_is_the_update_gate_all_the_same():
    assert rows(Inverted, "GRU")["x.weight"] == "weight_ih_l0"


def own_order(x, h, c, Wx, Wh, b):
    f, i, o, g = (x @ Wx + h @ Wh + b).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def claims_torchs(x, h, c, W_ih, W_hh, b_ih, b_hh):
    f, i, o, g = (x @ W_ih.T + b_ih + h @ W_hh.T + b_hh).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def test_weights_of_torchs_names_and_shapes_claim_torchs_order_and_others_have_their_own():
    assert rows(own_order, "LSTM")["Wx"] == "weight_ih_l0 rows f,i,o,g"
    assert rows(claims_torchs, "LSTM")["W_ih"] == "weight_ih_l0"


@pytest.mark.parametrize(
    ("target", "cell", "helps"), [(LSTM, "GRU", "LSTM"), (LSTM, "RNN", "LSTM"), (GRU, "LSTM", "GRU")]
)
def test_another_cell_is_told_by_name_with_the_flag_that_helps(target, cell, helps):
    case = Case.model_validate({"rnn": {"cell": cell}, "candidate": "here.py:target"})
    with pytest.raises(AnotherCellError, match=f"--cell {helps} judges it as nn.{helps}"):
        read(target, "here.py:target", case)
