"""A walk with a carry that returns the carry first, as jax.lax.scan does."""

import torch
from torch import nn


def scan(step, carry, xs):
    ys = []
    for x in xs:
        carry, y = step(carry, x)
        ys.append(y)
    return carry, torch.stack(ys)


class ScanLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.dense_i = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.dense_h = nn.Linear(hidden_size, 4 * hidden_size)

    def step(self, carry, x):
        c, h = carry
        i, f, g, o = (self.dense_i(x) + self.dense_h(h)).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return (c, h), h

    def forward(self, carry, xs):
        return scan(self.step, carry, xs)


class ScanGRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.dense_i = nn.Linear(input_size, 3 * hidden_size)
        self.dense_h = nn.Linear(hidden_size, 3 * hidden_size)

    def step(self, h, x):
        xr, xz, xn = self.dense_i(x).chunk(3, -1)
        hr, hz, hn = self.dense_h(h).chunk(3, -1)
        r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        new = (1 - z) * torch.tanh(xn + r * hn) + z * h
        return new, new

    def forward(self, carry, xs):
        return scan(self.step, carry, xs)


class StaleOutput(ScanGRU):
    def step(self, h, x):
        return super().step(h, x)[0], h


class StatesFirst(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.fc = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x, state):
        h, c = state
        ys = []
        for x_t in x:
            i, f, o, g = self.fc(torch.cat((x_t, h), 1)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return (h, c), torch.stack(ys)
