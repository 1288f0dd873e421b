"""A carry (c, h) that the step takes apart; the layer takes and returns (h, c), and turns it around."""

import torch
from torch import nn


def step(params, carry, x):
    c, h = carry
    W, U, b = params
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return (c, h), h


class ScanLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Parameter(torch.randn(4 * hidden_size, input_size) * 0.1)
        self.U = nn.Parameter(torch.randn(4 * hidden_size, hidden_size) * 0.1)
        self.b = nn.Parameter(torch.zeros(4 * hidden_size))

    def forward(self, xs, carry):
        ys, carry = [], carry[::-1]
        for x in xs:
            carry, y = step((self.W, self.U, self.b), carry, x)
            ys.append(y)
        return torch.stack(ys), carry[::-1]
