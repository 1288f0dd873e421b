import torch
from torch import nn


class Direction(nn.Module):
    def __init__(self, cell, reverse):
        super().__init__()
        self.cell, self.reverse = cell, reverse

    def forward(self, x, h):
        steps = range(x.size(0) - 1, -1, -1) if self.reverse else range(x.size(0))
        ys = {}
        for t in steps:
            ys[t] = h = self.cell(x[t], h)
        return torch.stack([ys[t] for t in sorted(ys)]), h


class Bidirectional(nn.Module):
    """time first; h0 and h_n (2, batch, hidden)"""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.directions = nn.ModuleList(
            [Direction(nn.RNNCell(input_size, hidden_size), reverse) for reverse in (False, False)]
        )

    def forward(self, x, h0):
        ys, hs = zip(*(d(x, h) for d, h in zip(self.directions, h0)))
        return torch.cat(ys, -1), torch.stack(hs)
