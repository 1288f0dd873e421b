"""A drop-in whose docstring says, as torch's does, h_0 of an unbatched input first; one layer walks over h_0."""

import torch
from torch import nn


class RNN(nn.Module):
    """As nn.RNN.

    hx: tensor of shape (D * num_layers, H_out) for unbatched input, or (D * num_layers, N, H_out).
    """

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.cells = nn.ModuleList(nn.RNNCell(hidden_size if k else input_size, hidden_size) for k in range(num_layers))

    def forward(self, input, hx):
        final = []
        for cell, h in zip(self.cells, hx.unbind(0)):
            out = []
            for x in input:
                h = cell(x, h.expand(x.shape[0], -1))
                out.append(h)
            input = torch.stack(out)
            final.append(h)
        return input, torch.stack(final)
