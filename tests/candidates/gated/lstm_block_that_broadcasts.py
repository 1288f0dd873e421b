"""A cell whose name does not say so: over a whole sequence it broadcasts."""

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        for gate in "ifco":
            setattr(self, f"W_x{gate}", nn.Parameter(torch.randn(input_size, hidden_size)))
            setattr(self, f"W_h{gate}", nn.Parameter(torch.randn(hidden_size, hidden_size)))
            setattr(self, f"b_{gate}", nn.Parameter(torch.zeros(hidden_size)))

    def forward(self, x, hidden):
        h, c = hidden
        f = torch.sigmoid(x @ self.W_xf + h @ self.W_hf + self.b_f)
        i = torch.sigmoid(x @ self.W_xi + h @ self.W_hi + self.b_i)
        o = torch.sigmoid(x @ self.W_xo + h @ self.W_ho + self.b_o)
        memory = f * c + i * torch.tanh(x @ self.W_xc + h @ self.W_hc + self.b_c)
        return o * torch.tanh(memory), memory
