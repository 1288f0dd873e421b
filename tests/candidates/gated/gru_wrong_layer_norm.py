"""A layer norm of both products: its parameters are those that nn.GRU has not."""

import torch
from torch import nn


class GRUCell(nn.GRUCell):
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True):
        super().__init__(input_size, hidden_size, bias)
        self.ln_ih, self.ln_hh = nn.LayerNorm(3 * hidden_size), nn.LayerNorm(3 * hidden_size)

    def forward(self, input, hx):
        i_r, i_z, i_n = self.ln_ih(input @ self.weight_ih.t() + self.bias_ih).chunk(3, 1)
        h_r, h_z, h_n = self.ln_hh(hx @ self.weight_hh.t() + self.bias_hh).chunk(3, 1)
        r, z = torch.sigmoid(i_r + h_r), torch.sigmoid(i_z + h_z)
        n = torch.tanh(i_n + r * h_n)
        return n + z * (hx - n)
