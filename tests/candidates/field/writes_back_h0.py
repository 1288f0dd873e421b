import torch
from torch import nn


class RNN(nn.Module):
    """Keeps hidden up to date for the next batch."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, hidden):
        h = hidden.clone()
        out = []
        for x_t in x:
            h = torch.tanh(self.i2h(x_t) + self.h2h(h))
            out.append(h)
        hidden.data.copy_(h.data)
        return torch.stack(out), h
