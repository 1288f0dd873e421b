"""GRUs whose weights have an axis of gates; in the second the matrices for h lie the other way than those for x."""

import torch
from torch import nn


class GRU(nn.Module):
    of_state = "bk,ghk->gbh"

    def __init__(self, dim, hidden):
        super().__init__()
        self.wx = nn.Parameter(torch.randn(3, hidden, dim))
        self.wh = nn.Parameter(torch.randn(3, hidden, hidden))
        self.bx = nn.Parameter(torch.zeros(3, hidden))
        self.bh = nn.Parameter(torch.zeros(3, hidden))

    def forward(self, x, h):
        of_x, output = torch.einsum("tbd,ghd->tgbh", x, self.wx) + self.bx[:, None], []
        for step in of_x:
            of_h = torch.einsum(self.of_state, h, self.wh) + self.bh[:, None]
            z = torch.sigmoid(step[1] + of_h[1])
            n = torch.tanh(step[2] + torch.sigmoid(step[0] + of_h[0]) * of_h[2])
            h = z * h + (1 - z) * n
            output.append(h)
        return torch.stack(output), h


class Turned(GRU):
    of_state = "bk,gkh->gbh"
