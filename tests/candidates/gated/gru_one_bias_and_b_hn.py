import torch
from torch import nn


class GRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x = nn.Linear(input_size, 3 * hidden_size)
        self.h = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.b_hn = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, h):
        out = []
        for x_t in x:
            (xr, xz, xn), (hr, hz, hn) = self.x(x_t).chunk(3, -1), self.h(h).chunk(3, -1)
            n = torch.tanh(xn + torch.sigmoid(xr + hr) * (hn + self.b_hn))
            z = torch.sigmoid(xz + hz)
            h = torch.lerp(n, h, z)
            out.append(h)
        return torch.stack(out), h
