import torch
from torch import nn


class GRU(nn.Module):
    """torch's equations, with b_in and b_hn exchanged."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        for gate in "rzn":
            self.register_parameter(f"W_i{gate}", nn.Parameter(torch.randn(input_size, hidden_size) * 0.1))
            self.register_parameter(f"W_h{gate}", nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1))
            self.register_parameter(f"b_i{gate}", nn.Parameter(torch.zeros(hidden_size)))
            self.register_parameter(f"b_h{gate}", nn.Parameter(torch.zeros(hidden_size)))

    def forward(self, x, h0):
        h, out = h0[0], []
        for xt in x:
            r = torch.sigmoid(xt @ self.W_ir + self.b_ir + h @ self.W_hr + self.b_hr)
            z = torch.sigmoid(xt @ self.W_iz + self.b_iz + h @ self.W_hz + self.b_hz)
            n = torch.tanh(xt @ self.W_in + self.b_hn + r * (h @ self.W_hn + self.b_in))
            h = (1 - z) * n + z * h
            out.append(h)
        return torch.stack(out), h[None]


def stacked(x, h, W_x, W_h, b_x, b_h):
    out = []
    for xt in x:
        xr, xz, xn = (xt @ W_x).chunk(3, -1)
        hr, hz, hn = (h @ W_h).chunk(3, -1)
        (br, bz, bn), (cr, cz, cn) = b_x.chunk(3, -1), b_h.chunk(3, -1)
        r, z = torch.sigmoid(xr + hr + br + cr), torch.sigmoid(xz + hz + bz + cz)
        h = (1 - z) * torch.tanh(xn + cn + r * (hn + bn)) + z * h
        out.append(h)
    return torch.stack(out), h
