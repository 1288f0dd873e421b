"""LSTMs in which one of the two states alone is ignored or detached; and a state that is detached after it is kept."""

import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def first(self, h, c):
        return h, c

    def carried(self, h, c):
        return h, c

    def forward(self, x, states):
        h, c = self.first(*states)
        output = []
        for x_t in x:
            h, c = self.cell(x_t, (h, c))
            output.append(h)
            h, c = self.carried(h, c)
        return torch.stack(output), (h, c)


class IgnoresH(LSTM):
    def first(self, h, c):
        return torch.zeros_like(h), c


class IgnoresC(LSTM):
    def first(self, h, c):
        return h, torch.zeros_like(c)


class DetachesFirstH(LSTM):
    def first(self, h, c):
        return h.detach(), c


class DetachesFirstC(LSTM):
    def first(self, h, c):
        return h, c.detach()


class DetachesH(LSTM):
    def carried(self, h, c):
        return h.detach(), c


class DetachesBoth(LSTM):
    def carried(self, h, c):
        return h.detach(), c.detach()
