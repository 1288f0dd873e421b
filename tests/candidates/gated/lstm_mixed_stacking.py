"""Gates of the state each alone, those of the input joined; both with biases."""

import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, n_in, n_hid):
        super().__init__()
        self.x = nn.Linear(n_in, 4 * n_hid)
        self.hi = nn.Linear(n_hid, n_hid)
        self.hf = nn.Linear(n_hid, n_hid)
        self.hg = nn.Linear(n_hid, n_hid)
        self.ho = nn.Linear(n_hid, n_hid)

    def forward(self, xs, state):
        h, c = state
        ys = []
        for x in xs:
            i, f, g, o = self.x(x).chunk(4, -1)
            i, f = torch.sigmoid(i + self.hi(h)), torch.sigmoid(f + self.hf(h))
            g, o = torch.tanh(g + self.hg(h)), torch.sigmoid(o + self.ho(self.seen(h, c)))
            c = f * c + i * g
            h = o * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)

    def seen(self, h, c):
        return h


class Peeps(LSTM):
    def seen(self, h, c):
        return h + 0.1 * c
