"""Layers that are not what was asked for."""

import torch
from torch import nn


class Shared(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers):
        super().__init__()
        self.first = nn.RNNCell(input_size, hidden_size)
        self.upper = nn.RNNCell(hidden_size, hidden_size)
        self.num_layers = num_layers

    def forward(self, x, hx):
        states = list(hx)
        ys = []
        for x_t in x:
            for k in range(self.num_layers):
                cell = self.upper if k else self.first
                x_t = states[k] = cell(x_t, states[k])
            ys.append(x_t)
        return torch.stack(ys), torch.stack(states)


class ReturnsItsInput(nn.Module):
    """Batch first; what it appends is what it read."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        ys = []
        for t in range(x.size(1)):
            h = torch.tanh(self.i2h(x[:, t]) + self.h2h(h))
            ys.append(x[:, t])
        return torch.stack(ys, 1), h


class Reconstructs(ReturnsItsInput):
    """A head that leads back to the features of the input is a head."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.head = nn.Linear(hidden_size, input_size)

    def forward(self, x, h):
        ys = []
        for t in range(x.size(1)):
            h = torch.tanh(self.i2h(x[:, t]) + self.h2h(h))
            ys.append(self.head(h))
        return torch.stack(ys, 1), h


class ReconstructsByParameter(ReturnsItsInput):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.back = nn.Parameter(torch.randn(hidden_size, input_size))

    def forward(self, x, h):
        ys = []
        for t in range(x.size(1)):
            h = torch.tanh(self.i2h(x[:, t]) + self.h2h(h))
            ys.append(h @ self.back)
        return torch.stack(ys, 1), h
