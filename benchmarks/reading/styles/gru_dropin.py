"""Drop-in replacement for torch.nn.GRU in pure Python."""

import torch
from torch import nn


class GRU(nn.Module):
    """Same constructor, same parameter names, same shapes as torch.nn.GRU."""

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
                self.register_parameter(f"weight_ih_{suffix}", nn.Parameter(0.1 * torch.randn(3 * hidden_size, in_features)))
                self.register_parameter(f"weight_hh_{suffix}", nn.Parameter(0.1 * torch.randn(3 * hidden_size, hidden_size)))
                if bias:
                    self.register_parameter(f"bias_ih_{suffix}", nn.Parameter(torch.zeros(3 * hidden_size)))
                    self.register_parameter(f"bias_hh_{suffix}", nn.Parameter(torch.zeros(3 * hidden_size)))

    def _share(self, kind, value, suffix):
        share = value @ getattr(self, f"weight_{kind}_{suffix}").T
        return share + getattr(self, f"bias_{kind}_{suffix}") if self.bias else share

    def forward(self, input, h_0=None):
        if self.batch_first:
            input = input.transpose(0, 1)
        if h_0 is None:
            h_0 = input.new_zeros(self.num_layers * self.num_directions, input.size(1), self.hidden_size)
        h_n = []
        for layer in range(self.num_layers):
            halves = []
            for direction in range(self.num_directions):
                suffix = f"l{layer}" + ("_reverse" if direction == 1 else "")
                h = h_0[self.num_directions * layer + direction]
                steps = input.flip(0) if direction == 1 else input
                hs = []
                for x_t in steps:
                    x_r, x_z, x_n = self._share("ih", x_t, suffix).chunk(3, dim=1)
                    h_r, h_z, h_new = self._share("hh", h, suffix).chunk(3, dim=1)
                    r = torch.sigmoid(x_r + h_r)
                    z = torch.sigmoid(x_z + h_z)
                    n = torch.tanh(x_n + r * h_new)
                    h = (1 - z) * n + z * h
                    hs.append(h)
                h_n.append(h)
                half = torch.stack(hs)
                halves.append(half.flip(0) if direction == 1 else half)
            input = torch.cat(halves, dim=2)
        output = input.transpose(0, 1) if self.batch_first else input
        return output, torch.stack(h_n)
