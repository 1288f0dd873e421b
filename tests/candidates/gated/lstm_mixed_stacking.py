"""Gates that the two sides of the products hold in other tensors, or in another order; both have biases."""

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


class TwoOrders(nn.Module):
    def __init__(self, n_in, n_hid):
        super().__init__()
        self.x = nn.Linear(n_in, 4 * n_hid)
        self.h = nn.Linear(n_hid, 4 * n_hid)

    def forward(self, xs, state):
        h, c = state
        ys = []
        for x in xs:
            (x_i, x_f, x_g, x_o), (h_o, h_f, h_i, h_g) = self.x(x).chunk(4, -1), self.h(h).chunk(4, -1)
            c = torch.sigmoid(x_f + h_f) * c + torch.sigmoid(x_i + h_i) * torch.tanh(x_g + h_g)
            h = torch.sigmoid(x_o + h_o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)
