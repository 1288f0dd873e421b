"""Cells with options that add tensors, and are off by default; a function whose biases are None by default."""

import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size, peephole=False):
        super().__init__()
        self.W = nn.Parameter(torch.randn(4 * hidden_size, input_size))
        self.U = nn.Parameter(torch.randn(4 * hidden_size, hidden_size))
        self.b = nn.Parameter(torch.zeros(4 * hidden_size))
        self.peephole = peephole
        if peephole:
            for gate in "ifo":
                setattr(self, f"w_c{gate}", nn.Parameter(torch.zeros(hidden_size)))

    def forward(self, x, states):
        h, c = states
        output = []
        for x_t in x:
            i, f, g, o = (x_t @ self.W.T + h @ self.U.T + self.b).chunk(4, 1)
            if self.peephole:
                i, f = i + self.w_ci * c, f + self.w_cf * c
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            o = o + self.w_co * c if self.peephole else o
            h = o.sigmoid() * c.tanh()
            output.append(h)
        return torch.stack(output), (h, c)


class GRU(nn.Module):
    def __init__(self, input_size, hidden_size, layer_norm=False):
        super().__init__()
        self.x2h = nn.Linear(input_size, 3 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 3 * hidden_size)
        self.norms = [nn.Identity(), nn.Identity()]
        if layer_norm:
            self.norms = nn.ModuleList(nn.LayerNorm(3 * hidden_size) for _ in range(2))

    def forward(self, x, h):
        output = []
        for x_t in x:
            xr, xz, xn = self.norms[0](self.x2h(x_t)).chunk(3, -1)
            hr, hz, hn = self.norms[1](self.h2h(h)).chunk(3, -1)
            z = torch.sigmoid(xz + hz)
            h = (1 - z) * torch.tanh(xn + torch.sigmoid(xr + hr) * hn) + z * h
            output.append(h)
        return torch.stack(output), h


def gru(x, h, W_ih, W_hh, b_ih=None, b_hh=None):
    output = []
    for x_t in x:
        of_x, of_h = x_t @ W_ih.T, h @ W_hh.T
        of_x = of_x if b_ih is None else of_x + b_ih
        of_h = of_h if b_hh is None else of_h + b_hh
        (xr, xz, xn), (hr, hz, hn) = of_x.chunk(3, 1), of_h.chunk(3, 1)
        z = torch.sigmoid(xz + hz)
        h = (1 - z) * torch.tanh(xn + torch.sigmoid(xr + hr) * hn) + z * h
        output.append(h)
    return torch.stack(output), h


def wrong_without(x, h, W_ih, W_hh, b_ih=None, b_hh=None):
    if b_hh is None:
        W_hh = -W_hh
    return gru(x, h, W_ih, W_hh, b_ih, b_hh)


def rnn(x, h, W_ih, W_hh, b_ih=None, b_hh=None):
    output = []
    for x_t in x:
        of_h = h @ W_hh.T if b_hh is None else h @ W_hh.T + b_hh
        of_x = x_t @ W_ih.T if b_ih is None else x_t @ W_ih.T + b_ih
        h = torch.tanh(of_x + of_h) if b_ih is not None else torch.tanh(of_x - of_h)
        output.append(h)
    return torch.stack(output), h
