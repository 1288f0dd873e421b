"""Drop-in replacement for torch.nn.RNN in pure Python. Checkpoints of nn.RNN load into it and the reverse."""

import math

import torch
from torch import nn


class RNN(nn.Module):
    """Same constructor, same parameter names, same shapes as torch.nn.RNN. Dropout is not supported."""

    def __init__(
        self, input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True, batch_first=False, bidirectional=False
    ):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.nonlinearity = nonlinearity
        self.bias = bias
        self.batch_first = batch_first
        self.bidirectional = bidirectional
        self.num_directions = 2 if bidirectional else 1
        for layer in range(num_layers):
            for direction in range(self.num_directions):
                in_features = input_size if layer == 0 else hidden_size * self.num_directions
                suffix = "_reverse" if direction == 1 else ""
                self.register_parameter(f"weight_ih_l{layer}{suffix}", nn.Parameter(torch.empty(hidden_size, in_features)))
                self.register_parameter(f"weight_hh_l{layer}{suffix}", nn.Parameter(torch.empty(hidden_size, hidden_size)))
                if bias:
                    self.register_parameter(f"bias_ih_l{layer}{suffix}", nn.Parameter(torch.empty(hidden_size)))
                    self.register_parameter(f"bias_hh_l{layer}{suffix}", nn.Parameter(torch.empty(hidden_size)))
        self.reset_parameters()

    def reset_parameters(self):
        bound = 1.0 / math.sqrt(self.hidden_size)
        for p in self.parameters():
            nn.init.uniform_(p, -bound, bound)

    def _cell(self, x, h, layer, suffix):
        z = x @ getattr(self, f"weight_ih_l{layer}{suffix}").T + h @ getattr(self, f"weight_hh_l{layer}{suffix}").T
        if self.bias:
            z = z + getattr(self, f"bias_ih_l{layer}{suffix}") + getattr(self, f"bias_hh_l{layer}{suffix}")
        return torch.tanh(z) if self.nonlinearity == "tanh" else torch.relu(z)

    def forward(self, input, h_0=None):
        if self.batch_first:
            input = input.transpose(0, 1)
        seq_len, batch, _ = input.shape
        if h_0 is None:
            h_0 = torch.zeros(
                self.num_layers * self.num_directions, batch, self.hidden_size, dtype=input.dtype, device=input.device
            )
        h_n = []
        layer_input = input
        for layer in range(self.num_layers):
            halves = []
            for direction in range(self.num_directions):
                suffix = "_reverse" if direction == 1 else ""
                h = h_0[self.num_directions * layer + direction]
                steps = layer_input.flip(0) if direction == 1 else layer_input
                hs = []
                for x_t in steps:
                    h = self._cell(x_t, h, layer, suffix)
                    hs.append(h)
                h_n.append(h)
                half = torch.stack(hs)
                halves.append(half.flip(0) if direction == 1 else half)
            layer_input = torch.cat(halves, dim=2)
        output = layer_input.transpose(0, 1) if self.batch_first else layer_input
        return output, torch.stack(h_n)
