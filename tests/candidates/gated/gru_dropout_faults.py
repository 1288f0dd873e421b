"""Stacked GRUs that draw torch's masks; each but the first is wrong in one thing while dropout is active."""

import torch
import torch.nn.functional as F
from torch import nn


class StackedGRU(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__()
        self.num_layers, self.dropout, self.hidden_size = num_layers, dropout, hidden_size
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.cells = nn.ModuleList(nn.GRUCell(size, hidden_size) for size in sizes)

    @property
    def drops(self):
        return self.training and self.dropout > 0

    def zeros(self, x):
        return x.new_zeros(self.num_layers, x.size(1), self.hidden_size)

    def final(self, h):
        return h

    def below(self, x):
        return x

    def forward(self, x, h_0=None):
        h_0 = self.zeros(x) if h_0 is None else h_0
        hs = []
        for i, cell in enumerate(self.cells):
            h, ys = h_0[i], []
            for x_t in x:
                h = cell(x_t, h)
                ys.append(h)
            x = torch.stack(ys)
            if i < self.num_layers - 1:
                x = F.dropout(self.below(x), self.dropout, self.training)
                h = self.final(h)
            hs.append(h)
        return x, torch.stack(hs)


class DetachedBelow(StackedGRU):
    def below(self, x):
        return x.detach() if self.drops and self.dropout < 1 else x


class ScaledState(StackedGRU):
    def final(self, h):
        return 0.9 * h if self.drops and self.dropout < 1 else h


class FromOthers(StackedGRU):
    def zeros(self, x):
        return super().zeros(x) + 0.2 * self.drops
