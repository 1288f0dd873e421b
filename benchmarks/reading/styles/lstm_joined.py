import torch
from torch import nn


class LSTMCell(nn.Module):
    """One step: x (N, I), (h, c) of (N, H) -> h, c. One layer for all gates, over [x, h]."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.gates = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x, state):
        h, c = state
        z = self.gates(torch.cat([x, h], dim=1))
        f, i, o, g = torch.split(z, self.hidden_size, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, c
