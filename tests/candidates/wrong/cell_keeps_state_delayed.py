import torch
from torch import nn


class StatefulCell(nn.Module):
    """Keeps its state between steps; call reset() before each sequence."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.wx = nn.Linear(input_size, hidden_size)
        self.wh = nn.Linear(hidden_size, hidden_size)
        self.h = None

    def reset(self):
        self.h = None

    def forward(self, x):
        """one step: x (batch, input_size) -> h (batch, hidden_size)"""
        if self.h is None:
            self.h = x.new_zeros(x.shape[0], self.hidden_size)
        h = self.h
        self.h = torch.tanh(self.wx(x) + self.wh(self.h))
        return h
