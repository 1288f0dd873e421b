"""Two layers, of which the upper one starts from the end of the lower one."""

import torch
from torch import nn


class TwoLayers(nn.Module):
    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.p = nn.ParameterDict({
            "first_in": nn.Parameter(torch.randn(hidden_dim, input_dim)),
            "first_rec": nn.Parameter(torch.randn(hidden_dim, hidden_dim)),
            "second_in": nn.Parameter(torch.randn(hidden_dim, hidden_dim)),
            "second_rec": nn.Parameter(torch.randn(hidden_dim, hidden_dim)),
        })

    def layer(self, name, x, h):
        ys = []
        for t in range(x.shape[1]):
            h = torch.tanh(x[:, t] @ self.p[name + "_in"].T + h @ self.p[name + "_rec"].T)
            ys.append(h)
        return torch.stack(ys, 1), h

    def forward(self, x, h0):
        y, h1 = self.layer("first", x, h0[0])
        y, h2 = self.layer("second", y, h1)
        return y, torch.stack([h1, h2])
