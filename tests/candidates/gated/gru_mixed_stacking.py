"""One side of the products joined over gates, the other gate by gate, each with biases."""

import torch
from torch import nn


class InputJoined(nn.Module):
    def __init__(self, n_in, n_hid):
        super().__init__()
        self.n_hid = n_hid
        self.proj = nn.Linear(n_in, 3 * n_hid)
        self.hr = nn.Linear(n_hid, n_hid)
        self.hz = nn.Linear(n_hid, n_hid)
        self.hn = nn.Linear(n_hid, n_hid)

    def new(self, x_n, r, h):
        return torch.tanh(x_n + r * self.hn(h))

    def forward(self, xs, h):
        ys = []
        for p in self.proj(xs):
            x_n, gates = p.split([self.n_hid, 2 * self.n_hid], -1)
            x_z, x_r = gates.chunk(2, -1)
            r, z = torch.sigmoid(x_r + self.hr(h)), torch.sigmoid(x_z + self.hz(h))
            h = torch.lerp(self.new(x_n, r, h), h, z)
            ys.append(h)
        return torch.stack(ys), h


class ResetBefore(InputJoined):
    def new(self, x_n, r, h):
        return torch.tanh(x_n + self.hn(r * h))


class StateJoined(nn.Module):
    def __init__(self, n_in, n_hid):
        super().__init__()
        self.xr = nn.Linear(n_in, n_hid)
        self.xz = nn.Linear(n_in, n_hid)
        self.xn = nn.Linear(n_in, n_hid)
        self.hh = nn.Linear(n_hid, 3 * n_hid)

    def forward(self, xs, h):
        ys = []
        for x in xs:
            h_z, h_n, h_r = self.hh(h).chunk(3, -1)
            r, z = torch.sigmoid(self.xr(x) + h_r), torch.sigmoid(self.xz(x) + h_z)
            h = (1 - z) * torch.tanh(self.xn(x) + r * h_n) + z * h
            ys.append(h)
        return torch.stack(ys), h


class TwoOfThree(nn.Module):
    """r and z of the state in one layer, n in another; those of the input each alone."""

    def __init__(self, n_in, n_hid, num_layers=1, bias=True):
        super().__init__()
        sizes = [n_in] + [n_hid] * (num_layers - 1)
        self.x = nn.ModuleList(nn.ModuleDict({g: nn.Linear(size, n_hid) for g in "rzn"}) for size in sizes)
        self.h_rz = nn.ModuleList(nn.Linear(n_hid, 2 * n_hid, bias=False) for _ in sizes)
        self.h_n = nn.ModuleList(nn.Linear(n_hid, n_hid) for _ in sizes)

    def forward(self, xs, h_0):
        last = []
        for x, h_rz, h_n, h in zip(self.x, self.h_rz, self.h_n, h_0):
            ys = []
            for x_t in xs:
                r, z = h_rz(h).chunk(2, -1)
                r, z = torch.sigmoid(x["r"](x_t) + r), torch.sigmoid(x["z"](x_t) + z)
                h = self.mixed(z, torch.tanh(x["n"](x_t) + r * h_n(h)), h)
                ys.append(h)
            xs = torch.stack(ys)
            last.append(h)
        return xs, torch.stack(last)

    def mixed(self, z, n, h):
        return (1 - z) * n + z * h


class UpdateInverted(TwoOfThree):
    def mixed(self, z, n, h):
        return z * n + (1 - z) * h
