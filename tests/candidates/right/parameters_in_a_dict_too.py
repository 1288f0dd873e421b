import torch
import torch.nn as nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.Wxh = nn.Parameter(torch.randn(input_size, hidden_size) * 0.1)
        self.Whh = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.bxh = nn.Parameter(torch.zeros(hidden_size))
        self.bhh = nn.Parameter(torch.zeros(hidden_size))
        self.weights = {"x": (self.Wxh, self.bxh), "h": (self.Whh, self.bhh)}

    def affine(self, key, v):
        w, b = self.weights[key]
        return torch.addmm(b, v, w)

    def forward(self, x, h):
        hs = []
        for x_t in x:
            h = torch.tanh(self.affine("x", x_t) + self.affine("h", h))
            hs.append(h)
        return torch.stack(hs), h
