"""A docstring that says batch-first, and code that is time-first."""

import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h, self.h2h = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        """Assumes x is of shape (batch, sequence, feature)"""
        x, states = x.transpose(0, 1), []
        for t in range(x.size(1)):
            h = torch.tanh(self.i2h(x[:, t]) + self.h2h(h))
            states.append(h)
        return torch.stack(states), h
