"""Sizes that are written into a factory, a plain class, and one of NumPy."""

import numpy as np
import torch


class RNN:
    def __init__(self):
        self.W_ih = torch.randn(16, 8)
        self.W_hh = torch.randn(16, 16)
        self.b = torch.zeros(16)

    def forward(self, x, h):
        out = []
        for x_t in x:
            h = torch.tanh(x_t @ self.W_ih.T + h @ self.W_hh.T + self.b)
            out.append(h)
        return torch.stack(out), h


class OfNumpy:
    def __init__(self):
        self.Wxh = np.random.randn(16, 8)
        self.Whh = np.random.randn(16, 16)
        self.bh = np.zeros((16, 1))

    def forward(self, xs):
        h = np.zeros((16, 1))
        out = []
        for x in xs:
            h = np.tanh(self.Wxh @ x.reshape(-1, 1) + self.Whh @ h + self.bh)
            out.append(h)
        return out, h


def made_with_sizes():
    W_ih = torch.randn(16, 8)
    W_hh = torch.randn(16, 16)
    b = torch.zeros(16)

    def forward(x, h):
        out = []
        for x_t in x:
            h = torch.tanh(x_t @ W_ih.T + h @ W_hh.T + b)
            out.append(h)
        return torch.stack(out), h

    return forward
