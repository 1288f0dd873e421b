import torch
from torch import nn


class GRUCell(nn.Module):
    def __init__(self, n_x, n_h):
        super().__init__()
        self.W = nn.ParameterDict({k: nn.Parameter(torch.randn(n_x, n_h) / n_x ** 0.5) for k in "rzh"})
        self.U = nn.ParameterDict({k: nn.Parameter(torch.randn(n_h, n_h) / n_h ** 0.5) for k in "rzh"})
        self.b = nn.ParameterDict({k: nn.Parameter(torch.zeros(n_h)) for k in "rzh"})
        self.b_h = nn.Parameter(torch.zeros(n_h))

    def forward(self, x, h):
        r = torch.sigmoid(x @ self.W["r"] + h @ self.U["r"] + self.b["r"])
        z = torch.sigmoid(x @ self.W["z"] + h @ self.U["z"] + self.b["z"])
        cand = torch.tanh(x @ self.W["h"] + self.b["h"] + r * (h @ self.U["h"] + self.b_h))
        return z * h + (1 - z) * cand
