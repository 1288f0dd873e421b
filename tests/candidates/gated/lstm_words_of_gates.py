import torch
from torch import nn


class LSTM(nn.Module):
    """One step of an LSTM."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        for gate in "ifno":
            setattr(self, f"weight_x{gate}", nn.Parameter(torch.randn(input_size, hidden_size) * 0.1))
            setattr(self, f"weight_h{gate}", nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1))
            setattr(self, f"bias_{gate}", nn.Parameter(torch.zeros(hidden_size)))

    def sum_of(self, gate, x, h):
        weight_x, weight_h = getattr(self, f"weight_x{gate}"), getattr(self, f"weight_h{gate}")
        return x @ weight_x + h @ weight_h + getattr(self, f"bias_{gate}")

    def forward(self, x, hc):
        h, c = hc
        i, f, n, o = (self.sum_of(gate, x, h) for gate in "ifno")
        c = f.sigmoid() * c + i.sigmoid() * n.tanh()
        return o.sigmoid() * c.tanh(), c


class Exchanged(LSTM):
    """One step, in which the tensors named after i drive the forget gate, and those after f the input gate."""

    def sum_of(self, gate, x, h):
        return super().sum_of({"i": "f", "f": "i"}.get(gate, gate), x, h)


def lstm_step(xt, a_prev, c_prev, W_f, b_f, W_u, b_u, W_c, b_c, W_o, b_o):
    """One step of the course: the update gate is what torch calls the input gate."""
    both = torch.cat([a_prev, xt], 1)
    c = torch.sigmoid(both @ W_f + b_f) * c_prev + torch.sigmoid(both @ W_u + b_u) * torch.tanh(both @ W_c + b_c)
    return torch.sigmoid(both @ W_o + b_o) * torch.tanh(c), c


def update_forgets(xt, a_prev, c_prev, W_f, b_f, W_u, b_u, W_c, b_c, W_o, b_o):
    """One step, with the update gate where the forget gate should be."""
    return lstm_step(xt, a_prev, c_prev, W_u, b_u, W_f, b_f, W_c, b_c, W_o, b_o)
