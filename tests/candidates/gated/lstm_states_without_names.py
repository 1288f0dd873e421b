"""Two states whose names do not say which is c."""

import torch
from torch import nn


class Base(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.wx = nn.Linear(input_size, 4 * hidden_size)
        self.wh = nn.Linear(hidden_size, 4 * hidden_size)

    def cell(self, x, h, c):
        i, f, g, o = (self.wx(x) + self.wh(h)).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class UV(Base):
    def forward(self, x, u, v):
        y = []
        for xt in x:
            u, v = self.cell(xt, u, v)
            y.append(u)
        return torch.stack(y), u, v


class VU(Base):
    # memory first
    def forward(self, x, u, v):
        y = []
        for xt in x:
            v, u = self.cell(xt, v, u)
            y.append(v)
        return torch.stack(y), u, v


class LongShort(Base):
    def forward(self, x, long, short):
        y = []
        for xt in x:
            short, long = self.cell(xt, short, long)
            y.append(short)
        return torch.stack(y), (long, short)


class UVCross(Base):
    def forward(self, x, u, v):
        y = []
        for xt in x:
            u, v = self.cell(xt, u, v)
            y.append(u)
        return torch.stack(y), v, u
