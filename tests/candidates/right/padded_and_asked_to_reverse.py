"""One direction over padded sequences of several lengths, which turns each of them around where it is asked to."""

import torch
from torch import nn


def turned(x, lengths):
    out = x.clone()
    for n, length in enumerate(lengths.tolist()):
        out[:length, n] = x[:length, n].flip(0)
    return out


class Padded(nn.Module):
    def __init__(self, input_size, hidden_size, reverse=False):
        super().__init__()
        self.hidden_size, self.reverse = hidden_size, reverse
        self.ih = nn.Linear(input_size, hidden_size)
        self.hh = nn.Linear(hidden_size, hidden_size)

    def turned_back(self, y, lengths):
        return turned(y, lengths)

    def forward(self, x, lengths, h=None):
        if h is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
        if self.reverse:
            x = turned(x, lengths)
        ys = []
        for t, x_t in enumerate(x):
            new = torch.tanh(self.ih(x_t) + self.hh(h))
            mask = (t < lengths).unsqueeze(1).to(x)
            h = mask * new + (1 - mask) * h
            ys.append(mask * new)
        y = torch.stack(ys)
        return self.turned_back(y, lengths) if self.reverse else y, h


class TurnedBackWithItsPadding(Padded):
    def turned_back(self, y, lengths):
        return y.flip(0)
