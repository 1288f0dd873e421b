"""Both directions in one method, and a state of any name that they start from."""

import torch
from torch import nn


class FromInit(nn.Module):
    def __init__(self, in_dim, h_dim):
        super().__init__()
        self.h_dim = h_dim
        self.a, self.b = nn.Linear(in_dim, h_dim), nn.Linear(h_dim, h_dim)
        self.c, self.d = nn.Linear(in_dim, h_dim), nn.Linear(h_dim, h_dim)

    def start(self, init):
        return init[0], init[1]

    def forward(self, seq, init=None):
        T, B, _ = seq.shape
        hl, hr = self.start(init) if init is not None else seq.new_zeros(2, B, self.h_dim)
        left, right = [], []
        for t in range(T):
            hl = torch.tanh(self.a(seq[t]) + self.b(hl))
            left.append(hl)
        for t in range(T - 1, -1, -1):
            hr = torch.tanh(self.c(seq[t]) + self.d(hr))
            right.insert(0, hr)
        return torch.cat([torch.stack(left), torch.stack(right)], 2), torch.stack([hl, hr])


class Halved(FromInit):
    def start(self, init):
        return init[0] * 0.5, init[1]


class Shared(FromInit):
    def start(self, init):
        return init[0], init[0]


class Exchanged(FromInit):
    def start(self, init):
        return init[1], init[0]


class OwnName(nn.Module):
    def __init__(me, n, num_cells):
        super().__init__()
        me.W, me.V = nn.Linear(n, num_cells), nn.Linear(num_cells, num_cells)

    def forward(me, x, h):
        h = h[0]
        y = []
        for a in x:
            h = torch.tanh(me.W(a) + me.V(h))
            y.append(h)
        return torch.stack(y), h[None]
