"""Weights with an axis of gates between the others: (H_in, gates, H) or (H, gates, H_in), multiplied by einsum."""

import torch
from torch import nn


class LSTM(nn.Module):
    of_state = "nk,kgh->ngh"

    def __init__(self, dim_in, dim_h):
        super().__init__()
        self.wx = nn.Parameter(torch.randn(dim_in, 4, dim_h))
        self.wh = nn.Parameter(torch.randn(dim_h, 4, dim_h))
        self.b = nn.Parameter(torch.zeros(4, dim_h))

    def forward(self, x, states):
        h, c = states
        of_x, output = torch.einsum("lni,igh->lngh", x, self.wx) + self.b, []
        for step in of_x:
            gates = step + torch.einsum(self.of_state, h, self.wh)
            i, f, o = gates[:, :3].sigmoid().unbind(1)
            c = f * c + i * gates[:, 3].tanh()
            h = o * c.tanh()
            output.append(h)
        return torch.stack(output), (h, c)


class Turned(LSTM):
    of_state = "nk,hgk->ngh"


class GRU(nn.Module):
    def __init__(self, dim_in, dim_h):
        super().__init__()
        self.wx = nn.Parameter(torch.randn(dim_h, 3, dim_in))
        self.wh = nn.Parameter(torch.randn(dim_h, 3, dim_h))
        self.bx = nn.Parameter(torch.zeros(3, dim_h))
        self.bh = nn.Parameter(torch.zeros(3, dim_h))

    def forward(self, x, h):
        output = []
        for x_t in x:
            xz, xr, xn = (torch.einsum("ni,hgi->ngh", x_t, self.wx) + self.bx).unbind(1)
            hz, hr, hn = (torch.einsum("nk,hgk->ngh", h, self.wh) + self.bh).unbind(1)
            z = torch.sigmoid(xz + hz)
            h = (1 - z) * torch.tanh(xn + torch.sigmoid(xr + hr) * hn) + z * h
            output.append(h)
        return torch.stack(output), h


class Inverted(GRU):
    def forward(self, x, h):
        output = []
        for x_t in x:
            new = super().forward(x_t[None], h)[1]
            h = h + torch.tanh(new - h)
            output.append(h)
        return torch.stack(output), h
