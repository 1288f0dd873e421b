"""Weights that the first call makes, as a framework that builds its layers by the input does."""

import torch
from torch import nn


class Lazy(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.LazyLinear(hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h=None):
        if h is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
        out = []
        for x_t in x:
            h = torch.tanh(self.i2h(x_t) + self.h2h(h))
            out.append(h)
        return torch.stack(out), h


class LazyThroughout(Lazy):
    def __init__(self, hidden_size):
        super().__init__(hidden_size)
        self.h2h = nn.LazyLinear(hidden_size)


class LazyByFeatures(nn.Module):
    """A cell for each number of features: what holds its weights has other names at other sizes."""

    def __init__(self, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cells = nn.ModuleDict()

    def forward(self, x, h):
        features = str(x.size(-1))
        if features not in self.cells:
            self.cells[features] = nn.RNNCell(x.size(-1), self.hidden_size).to(x)
        ys = []
        for x_t in x:
            h = self.cells[features](x_t, h)
            ys.append(h)
        return torch.stack(ys), h


class LazyThatForgets(Lazy):
    def forward(self, x, h=None):
        out = []
        for x_t in x:
            h = torch.tanh(self.i2h(x_t))
            out.append(h)
        return torch.stack(out), h


class Built(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = None

    def build(self, features):
        self.i2h = nn.Linear(features, self.hidden_size)
        self.h2h = nn.Linear(self.hidden_size, self.hidden_size)

    def forward(self, x, h):
        if self.i2h is None:
            self.build(x.shape[-1])
        out = []
        for x_t in x:
            h = torch.tanh(self.i2h(x_t) + self.h2h(h))
            out.append(h)
        return torch.stack(out), h
