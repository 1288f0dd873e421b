"""LSTMs that return c of every step beside output and the final states."""

import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size)

    def walk(self, x, state):
        h, c = (x.new_zeros(x.size(1), self.hidden_size),) * 2 if state is None else state
        hs, cs = [], []
        for x_t in x:
            i, f, g, o = (self.ih(x_t) + self.hh(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            hs.append(h)
            cs.append(c)
        return torch.stack(hs), torch.stack(cs), h, c

    def forward(self, x, state=None):
        return self.walk(x, state)


class Alternating(LSTM):
    def forward(self, x, state=None):
        hs, cs, h, c = self.walk(x, state)
        return hs, h, cs, c


class Exchanged(LSTM):
    def forward(self, x, state=None):
        hs, cs, h, c = self.walk(x, state)
        return hs, cs, c, h
