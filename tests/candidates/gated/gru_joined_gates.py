import torch
from torch import nn


class GRUCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.gates = nn.Linear(input_size + hidden_size, 2 * hidden_size)
        self.out_x = nn.Linear(input_size, hidden_size)
        self.out_h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        z, r = torch.sigmoid(self.gates(torch.cat([x, h], 1))).chunk(2, 1)
        n = torch.tanh(self.out_x(x) + r * self.out_h(h))
        return (1 - z) * n + z * h
