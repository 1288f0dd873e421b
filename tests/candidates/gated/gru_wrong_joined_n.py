import torch
from torch import nn


class GRUCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.reset = nn.Linear(input_size + hidden_size, hidden_size)
        self.update = nn.Linear(input_size + hidden_size, hidden_size)
        self.out = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        z = torch.sigmoid(self.update(torch.cat([x, h], 1)))
        r = torch.sigmoid(self.reset(torch.cat([x, h], 1)))
        n = torch.tanh(self.out(torch.cat([x, r * h], 1)))
        return (1 - z) * n + z * h
