"""One direction that walks backward where it is asked to."""

import torch
from torch import nn


class Direction(nn.Module):
    def __init__(self, input_size, hidden_size, reverse=False):
        super().__init__()
        self.reverse = reverse
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h=None):
        h = x.new_zeros(x.size(0), self.h2h.in_features) if h is None else h
        steps = range(x.size(1))
        ys = [None] * x.size(1)
        for t in reversed(steps) if self.reverse else steps:
            ys[t] = h = torch.tanh(self.i2h(x[:, t]) + self.h2h(h))
        return torch.stack(ys, 1), h


class AsWalked(Direction):
    def forward(self, x, h=None):
        h = x.new_zeros(x.size(0), self.h2h.in_features) if h is None else h
        ys = []
        for x_t in (x.flip(1) if self.reverse else x).unbind(1):
            h = torch.tanh(self.i2h(x_t) + self.h2h(h))
            ys.append(h)
        return torch.stack(ys, 1), h


class LastStepOfTime(Direction):
    def forward(self, x, h=None):
        y, _ = super().forward(x, h)
        return y, y[:, -1]


class NeverReverses(Direction):
    def forward(self, x, h=None):
        h = x.new_zeros(x.size(0), self.h2h.in_features) if h is None else h
        ys = []
        for x_t in x.unbind(1):
            h = torch.tanh(self.i2h(x_t) + self.h2h(h))
            ys.append(h)
        return torch.stack(ys, 1), h


def rnn(x, h, W, U, b, c, reverse=False):
    ys = []
    for x_t in x.flip(0) if reverse else x:
        h = torch.tanh(x_t @ W.T + b + h @ U.T + c)
        ys.append(h)
    return torch.stack(ys[::-1] if reverse else ys), h


def turns_output_alone(x, h, W, U, b, c, reverse=False):
    ys = []
    for x_t in x:
        h = torch.tanh(x_t @ W.T + b + h @ U.T + c)
        ys.append(h)
    return torch.stack(ys[::-1] if reverse else ys), h


def keeps_the_graph(x, h, W, U, b, c, backward=True):
    """`backward` is no direction here, and stays at its default."""
    ys = []
    with torch.set_grad_enabled(backward):
        for x_t in x:
            h = torch.tanh(x_t @ W.T + b + h @ U.T + c)
            ys.append(h)
        return torch.stack(ys), h
