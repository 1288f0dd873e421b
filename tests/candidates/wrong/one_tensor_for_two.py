"""The biases of all layers are Parameters over one tensor."""

import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        bias = torch.zeros(hidden_size)
        self.ih = nn.ParameterList(torch.randn(size, hidden_size) * 0.1 for size in sizes)
        self.hh = nn.ParameterList(torch.randn(hidden_size, hidden_size) * 0.1 for _ in sizes)
        self.bias = nn.ParameterList(nn.Parameter(bias) for _ in sizes)

    def forward(self, x, h_0):
        last = []
        for ih, hh, bias, h in zip(self.ih, self.hh, self.bias, h_0):
            states = []
            for x_t in x:
                h = torch.tanh(x_t @ ih + h @ hh + bias)
                states.append(h)
            x = torch.stack(states)
            last.append(h)
        return x, torch.stack(last)
