import torch
from torch import nn


class RNNLayer(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        """x: (seq, batch, input_size), h: (batch, hidden_size)"""
        outputs = []
        for t in range(x.size(0)):
            h_t = torch.tanh(self.i2h(x[t]) + self.h2h(h))
            outputs.append(h_t)
        return torch.stack(outputs, dim=0), h_t
