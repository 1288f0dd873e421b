import torch
from torch import nn


class GRU(nn.Module):
    def __init__(self, n_in, n_hid):
        super().__init__()
        self.n = n_hid
        self.gx = nn.Linear(n_in, 3 * n_hid)
        self.gh = nn.Linear(n_hid, 3 * n_hid)

    def forward(self, xs, h):
        ys = []
        for x in xs:
            a = self.gx(x).view(-1, self.n, 3)
            b = self.gh(h).view(-1, self.n, 3)
            r = torch.sigmoid(a[..., 0] + b[..., 0])
            z = torch.sigmoid(a[..., 1] + b[..., 1])
            n = torch.tanh(a[..., 2] + self.reset(r, b[..., 2]))
            h = (1 - z) * n + z * h
            ys.append(h)
        return torch.stack(ys), h

    def reset(self, r, of_h):
        return r * of_h


class NoReset(GRU):
    def reset(self, r, of_h):
        return of_h
