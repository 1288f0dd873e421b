"""An LSTM whose states start in float32, whatever dtype it is in."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.a = nn.Linear(input_size, 4 * hidden_size)
        self.b = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x):
        h = torch.zeros(x.size(1), self.hidden_size, dtype=torch.float32)
        c = torch.zeros(x.size(1), self.hidden_size, dtype=torch.float32)
        ys = []
        for xt in x:
            i, f, g, o = (self.a(xt) + self.b(h)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h[None], c[None])
