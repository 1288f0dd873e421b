"""A GRU that casts to float32 in each step."""

import torch
from torch import nn


class GruF(nn.Module):
    def __init__(self, input_size, hidden_size, bidirectional=False):
        super().__init__()
        self.h = hidden_size
        self.dirs = 2 if bidirectional else 1
        self.x2h = nn.ModuleList(nn.Linear(input_size, 3 * hidden_size) for _ in range(self.dirs))
        self.h2h = nn.ModuleList(nn.Linear(hidden_size, 3 * hidden_size) for _ in range(self.dirs))

    def run(self, d, x, h):
        out = [None] * len(x)
        ts = range(len(x)) if d == 0 else reversed(range(len(x)))
        for t in ts:
            gi = self.x2h[d](x[t].float())
            gh = self.h2h[d](h.float())
            ir, iz, inn = gi.chunk(3, 1)
            hr, hz, hnn = gh.chunk(3, 1)
            r = torch.sigmoid(ir + hr)
            z = torch.sigmoid(iz + hz)
            n = torch.tanh(inn + r * hnn)
            h = n + z * (h - n)
            out[t] = h
        return torch.stack(out), h

    def forward(self, x, hx=None):
        if hx is None:
            hx = torch.zeros(self.dirs, x.size(1), self.h, dtype=torch.float32, device=x.device)
        outs, hs = [], []
        for d in range(self.dirs):
            o, h = self.run(d, x, hx[d])
            outs.append(o)
            hs.append(h)
        return torch.cat(outs, -1), torch.stack(hs)


class GruFW(GruF):
    # reset gate is applied only to the weight product, bias outside
    def run(self, d, x, h):
        out = [None] * len(x)
        ts = range(len(x)) if d == 0 else reversed(range(len(x)))
        for t in ts:
            gi = self.x2h[d](x[t].float())
            gh = self.h2h[d](h.float())
            ir, iz, inn = gi.chunk(3, 1)
            hr, hz, hnn = gh.chunk(3, 1)
            r = torch.sigmoid(ir + hr)
            z = torch.sigmoid(iz + hz)
            b = self.h2h[d].bias[-self.h:]
            n = torch.tanh(inn + r * (hnn - b) + b)
            h = n + z * (h - n)
            out[t] = h
        return torch.stack(out), h
