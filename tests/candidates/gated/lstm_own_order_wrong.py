"""An LSTM cell with an order of rows of its own. Wrong: its candidate is a sigmoid, and no experiment tells the order."""

import torch
from torch import nn


class Cell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.gates = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x, state):
        h, c = state
        f, i, g, o = torch.sigmoid(self.gates(torch.cat([x, h], dim=1))).chunk(4, dim=1)
        c = f * c + i * g
        h = o * torch.tanh(c)
        return h, (h, c)
