"""A sigmoid for the tanh of g, which the product with i hides behind the name of i."""

import torch
from torch import nn


class LSTMCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.bias = nn.Parameter(torch.zeros(1, hidden_size * 4))
        self.weights = nn.Parameter(torch.randn(input_size + hidden_size, hidden_size * 4) * 0.1)

    def forward(self, x, h, c):
        gates = torch.addmm(self.bias, torch.cat((x, h), dim=1), self.weights)
        i_t, f_t, g_t, o_t = (
            torch.sigmoid(gates[:, : self.hidden_size]),
            torch.sigmoid(gates[:, self.hidden_size : self.hidden_size * 2]),
            torch.sigmoid(gates[:, self.hidden_size * 2 : self.hidden_size * 3]),
            torch.sigmoid(gates[:, self.hidden_size * 3 :]),
        )
        c = f_t * c + i_t * g_t
        return torch.tanh(c) * o_t, c
