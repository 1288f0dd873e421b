"""A class that hands its sizes and all else on to a base class, whose reverse direction is not put back in order."""

import torch
from torch import nn


class Base(nn.Module):
    def __init__(self, input_size, hidden_size, bidirectional=False):
        super().__init__()
        self.cells = nn.ModuleList(nn.RNNCell(input_size, hidden_size) for _ in range(1 + bidirectional))

    def forward(self, input, h_0):
        outputs, final = [], []
        for cell, xs, h in zip(self.cells, (input, input.flip(0)), h_0):
            out = []
            for x in xs:
                h = cell(x, h)
                out.append(h)
            outputs.append(torch.stack(out))
            final.append(h)
        return torch.cat(outputs, -1), torch.stack(final)


class RNN(Base):
    def __init__(self, input_size, hidden_size, *args, **kwargs):
        super().__init__(input_size, hidden_size, *args, **kwargs)
