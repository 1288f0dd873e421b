import math

import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        s = 1 / math.sqrt(hidden_size)
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size).uniform_(-s, s))
        self.weight_hh = nn.Parameter(torch.empty(hidden_size, hidden_size).uniform_(-s, s))
        self.bias_ih = nn.Parameter(torch.empty(hidden_size).uniform_(-s, s))
        self.bias_hh = nn.Parameter(torch.empty(hidden_size).uniform_(-s, s))

    def cell(self, x, h):
        return torch.tanh(x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh)


    def forward(self, x, h0):
        h, ys = h0[0], []
        for x_t in x:
            h = self.cell(x_t, h)
            if self.training and len(ys) > 8:
                h = h.detach()
            ys.append(h)
        return torch.stack(ys), h[None]

