"""The four rows of a unit lie together in each weight."""

import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.x2h = nn.ModuleList(nn.Linear(size, 4 * hidden_size) for size in sizes)
        self.h2h = nn.ModuleList(nn.Linear(hidden_size, 4 * hidden_size, bias=False) for size in sizes)

    def activations(self, i, f, o, g):
        return i.sigmoid(), f.sigmoid(), o.sigmoid(), g.tanh()

    def forward(self, x, hx):
        h_n, c_n = [], []
        for x2h, h2h, h, c in zip(self.x2h, self.h2h, *hx):
            outputs = []
            for x_t in x:
                a = (x2h(x_t) + h2h(h)).unflatten(-1, (-1, 4))
                i, f, o, g = self.activations(*a.unbind(-1))
                c = f * c + i * g
                h = o * c.tanh()
                outputs.append(h)
            x = torch.stack(outputs)
            h_n.append(h)
            c_n.append(c)
        return x, (torch.stack(h_n), torch.stack(c_n))


class SigmoidForNewValues(LSTM):
    def activations(self, i, f, o, g):
        return i.sigmoid(), f.sigmoid(), o.sigmoid(), g.sigmoid()


class HalfInterleaved(LSTM):
    def activations(self, *gates):
        a = torch.stack(gates, -1).flatten(-2)
        i, f = a.chunk(4, -1)[:2]
        return super().activations(i, f, *gates[2:])


class Strided(nn.Module):
    def __init__(self, n_in, n_hid):
        super().__init__()
        self.lin = nn.Linear(n_in + n_hid, 4 * n_hid)

    def forward(self, xs, state):
        h, c = state
        ys = []
        for x in xs:
            a = self.lin(torch.cat([x, h], -1))
            i, f, g, o = a[:, 0::4], a[:, 1::4], a[:, 2::4], a[:, 3::4]
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), (h, c)


def lstm(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    outputs = []
    for x_t in x:
        a = (x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh).unflatten(-1, (-1, 4))
        i, f, g, o = a.unbind(-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h)
    return torch.stack(outputs), (h, c)
