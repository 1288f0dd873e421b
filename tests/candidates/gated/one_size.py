"""Cells with one size for the input and the states: every matrix is square."""

import torch
from torch import nn


class GRUCell(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.wz, self.uz = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.wr, self.ur = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.wn, self.un = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, x, h):
        z = torch.sigmoid(self.wz(x) + self.uz(h))
        r = torch.sigmoid(self.wr(x) + self.ur(h))
        n = torch.tanh(self.wn(x) + r * self.un(h))
        return (1 - z) * n + z * h


class RNN(nn.Module):
    def __init__(self, D):
        super().__init__()
        self.W, self.U = nn.Parameter(torch.randn(D, D) * 0.1), nn.Parameter(torch.randn(D, D) * 0.1)
        self.b = nn.Parameter(torch.zeros(D))

    def forward(self, x, h):
        states = []
        for x_t in x:
            h = torch.tanh(x_t @ self.W + h @ self.U + self.b)
            states.append(h)
        return torch.stack(states), h
