"""One vector of all weights in cuDNN's order, and slips in what is made of its parts."""

import math
import torch
from torch import nn


class FlatGRU(nn.Module):
    """All weights in one buffer, in cuDNN's order: all matrices of all layers first, then all biases."""

    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dirs = 2 if bidirectional else 1
        self.shapes = []
        for layer in range(num_layers):
            isz = input_size if layer == 0 else hidden_size * self.dirs
            for _ in range(self.dirs):
                self.shapes += [(3 * hidden_size, isz), (3 * hidden_size, hidden_size)]
        for _ in range(num_layers * self.dirs):
            self.shapes += [(3 * hidden_size,), (3 * hidden_size,)]
        n = sum(math.prod(s) for s in self.shapes)
        self.flat_weight = nn.Parameter(torch.empty(n).uniform_(-0.2, 0.2))

    def views(self):
        out, offset = [], 0
        for shape in self.shapes:
            n = math.prod(shape)
            out.append(self.flat_weight[offset:offset + n].view(shape))
            offset += n
        return out

    def step(self, g, gh, h, b_hh):
        H = self.hidden_size
        r, z = torch.sigmoid(g[:, : 2 * H] + gh[:, : 2 * H]).chunk(2, 1)
        n = torch.tanh(g[:, 2 * H :] + r * gh[:, 2 * H :])
        return torch.lerp(n, h, z)

    def forward(self, input, h_0=None):
        H = self.hidden_size
        L = self.num_layers * self.dirs
        if h_0 is None:
            h_0 = input.new_zeros(L, input.size(1), H)
        views = self.views()
        mats, biases = views[:2 * L], views[2 * L:]
        x, h_n = input, []
        for layer in range(self.num_layers):
            outs = []
            for d in range(self.dirs):
                k = layer * self.dirs + d
                w_ih, w_hh = mats[2 * k], mats[2 * k + 1]
                b_ih, b_hh = biases[2 * k], biases[2 * k + 1]
                h = h_0[k]
                ys = []
                gx = nn.functional.linear(x, w_ih, b_ih)
                if d:
                    gx = gx.flip(0)
                for g in gx:
                    gh = nn.functional.linear(h, w_hh, b_hh)
                    h = self.step(g, gh, h, b_hh)
                    ys.append(h)
                ys = torch.stack(ys)
                outs.append(ys.flip(0) if d else ys)
                h_n.append(h)
            x = torch.cat(outs, 2)
        return x, torch.stack(h_n)


class ResetSparesBias(FlatGRU):
    def step(self, g, gh, h, b_hh):
        H = self.hidden_size
        r, z = torch.sigmoid(g[:, : 2 * H] + gh[:, : 2 * H]).chunk(2, 1)
        n = torch.tanh(g[:, 2 * H :] + r * (gh[:, 2 * H :] - b_hh[2 * H :]) + b_hh[2 * H :])
        return torch.lerp(n, h, z)


class OneBiasTwice(FlatGRU):
    def views(self):
        *matrices, b_ih, _ = super().views()
        return [*matrices, b_ih, b_ih]
