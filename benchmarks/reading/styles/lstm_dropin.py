"""Drop-in replacement for torch.nn.LSTM in pure Python."""

import torch
from torch import nn


class LSTM(nn.Module):
    """Same constructor, same parameter names, same shapes as torch.nn.LSTM."""

    def __init__(self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, bidirectional=False):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.num_directions = 2 if bidirectional else 1
        for layer in range(num_layers):
            for direction in range(self.num_directions):
                in_features = input_size if layer == 0 else hidden_size * self.num_directions
                suffix = f"l{layer}" + ("_reverse" if direction == 1 else "")
                self.register_parameter(f"weight_ih_{suffix}", nn.Parameter(0.1 * torch.randn(4 * hidden_size, in_features)))
                self.register_parameter(f"weight_hh_{suffix}", nn.Parameter(0.1 * torch.randn(4 * hidden_size, hidden_size)))
                if bias:
                    self.register_parameter(f"bias_ih_{suffix}", nn.Parameter(torch.zeros(4 * hidden_size)))
                    self.register_parameter(f"bias_hh_{suffix}", nn.Parameter(torch.zeros(4 * hidden_size)))

    def _gates(self, x, h, suffix):
        z = x @ getattr(self, f"weight_ih_{suffix}").T + h @ getattr(self, f"weight_hh_{suffix}").T
        if self.bias:
            z = z + getattr(self, f"bias_ih_{suffix}") + getattr(self, f"bias_hh_{suffix}")
        return z

    def forward(self, input, hx=None):
        if self.batch_first:
            input = input.transpose(0, 1)
        if hx is None:
            zeros = input.new_zeros(self.num_layers * self.num_directions, input.size(1), self.hidden_size)
            hx = (zeros, zeros)
        h_0, c_0 = hx
        h_n, c_n = [], []
        for layer in range(self.num_layers):
            halves = []
            for direction in range(self.num_directions):
                suffix = f"l{layer}" + ("_reverse" if direction == 1 else "")
                h = h_0[self.num_directions * layer + direction]
                c = c_0[self.num_directions * layer + direction]
                steps = input.flip(0) if direction == 1 else input
                hs = []
                for x_t in steps:
                    i, f, g, o = self._gates(x_t, h, suffix).chunk(4, dim=1)
                    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                    h = torch.sigmoid(o) * torch.tanh(c)
                    hs.append(h)
                h_n.append(h)
                c_n.append(c)
                half = torch.stack(hs)
                halves.append(half.flip(0) if direction == 1 else half)
            input = torch.cat(halves, dim=2)
        output = input.transpose(0, 1) if self.batch_first else input
        return output, (torch.stack(h_n), torch.stack(c_n))
