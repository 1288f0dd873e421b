import torch
import torch.nn as nn


class IndRNN(nn.Module):
    """Independently recurrent: every unit sees only itself."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.randn(hidden_size, input_size) * 0.1)
        self.weight_hh = nn.Parameter(torch.rand(hidden_size))
        self.bias = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, h):
        out = []
        for x_t in x:
            h = torch.tanh(x_t @ self.weight_ih.T + h * self.weight_hh + self.bias)
            out.append(h)
        return torch.stack(out), h
