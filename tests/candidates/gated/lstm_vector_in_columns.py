"""One vector whose parts lie as (in, out), as Keras has its kernels."""

import torch
from torch import nn


class Base(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        n = 4 * hidden_size * (input_size + hidden_size + 1)
        self.flat = nn.Parameter(torch.randn(n) / hidden_size ** 0.5)

    def gates(self, x, h):
        raise NotImplementedError

    def forward(self, x, hc):
        h, c = hc[0][0], hc[1][0]
        outs = []
        for xt in x:
            i, f, g, o = self.gates(xt, h)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outs.append(h)
        return torch.stack(outs), (h[None], c[None])


class TorchOrderT(Base):
    # b, U, W stored (in, out), order i f g o
    def gates(self, x, h):
        I, H = self.input_size, self.hidden_size
        b, U, W = self.flat.split([4 * H, 4 * H * H, 4 * H * I])
        return (x @ W.view(I, 4 * H) + h @ U.view(H, 4 * H) + b).chunk(4, -1)


class Keras(Base):
    # W, U, b stored (in, out), order i f c o
    def gates(self, x, h):
        I, H = self.input_size, self.hidden_size
        W, U, b = self.flat.split([4 * H * I, 4 * H * H, 4 * H])
        return (x @ W.view(I, 4 * H) + h @ U.view(H, 4 * H) + b).chunk(4, -1)
