"""An RNN that takes num_layers, and returns the last state of the last layer without an axis for the layers."""

import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.hidden_size, self.num_layers = hidden_size, num_layers
        widths = [input_size] + [hidden_size] * num_layers
        self.ih = nn.ModuleList(map(nn.Linear, widths, widths[1:]))
        self.hh = nn.ModuleList(nn.Linear(hidden_size, hidden_size) for _ in range(num_layers))

    def forward(self, x, h_0=None):
        if h_0 is None:
            h_0 = x.new_zeros(self.num_layers, x.size(1), self.hidden_size)
        for k in range(self.num_layers):
            h, states = h_0[k], []
            for x_t in x:
                h = torch.tanh(self.ih[k](x_t) + self.hh[k](h))
                states.append(h)
            x = torch.stack(states)
        return x, h
