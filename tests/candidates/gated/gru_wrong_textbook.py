import torch
from torch import nn


class GRU(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        for gate in "zrh":
            setattr(self, f"W{gate}", nn.Parameter(torch.randn(n_in, n_hidden)))
            setattr(self, f"U{gate}", nn.Parameter(torch.randn(n_hidden, n_hidden)))
            setattr(self, f"b{gate}", nn.Parameter(torch.zeros(n_hidden)))

    def forward(self, X, h):
        ys = []
        for x in X:
            z = torch.sigmoid(x @ self.Wz + h @ self.Uz + self.bz)
            r = torch.sigmoid(x @ self.Wr + h @ self.Ur + self.br)
            h = (1 - z) * torch.tanh(x @ self.Wh + (r * h) @ self.Uh + self.bh) + z * h
            ys.append(h)
        return torch.stack(ys), h
