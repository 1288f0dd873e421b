"""An argument without a default that says whether there is a GPU."""

import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_dim, hidden_dim, GPU):
        super().__init__()
        self.hidden_size, self.GPU = hidden_dim, GPU
        self.weight_ih = nn.Parameter(torch.randn(input_dim, hidden_dim * 4) * 0.1)
        self.weight_hh = nn.Parameter(torch.randn(hidden_dim, hidden_dim * 4) * 0.1)
        self.bias = nn.Parameter(torch.zeros(hidden_dim * 4))

    def forward(self, x, init_states=None):
        batch, steps, _ = x.shape
        if init_states is None:
            h = c = torch.zeros(batch, self.hidden_size, dtype=x.dtype)
            if self.GPU:
                h, c = h.cuda(), c.cuda()
        else:
            h, c = init_states
        states = []
        for t in range(steps):
            i, f, g, o = (x[:, t] @ self.weight_ih + h @ self.weight_hh + self.bias).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            states.append(h)
        return torch.stack(states, 1), (h, c)
