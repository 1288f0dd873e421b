import torch
from torch import nn


class GRU(nn.Module):
    """w, u, b and v by gate, as (3, H, H_in), (3, H, H), (3, H) and (3, H)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w, self.u, self.b, self.v = (
            nn.Parameter(torch.rand(3, hidden_size, *rest) - 0.5) for rest in ((input_size,), (hidden_size,), (), ())
        )

    def forward(self, x, hx):
        h, outputs = hx[0], []
        for x_t in x:
            of_x = torch.einsum("gki,ni->gnk", self.w, x_t) + self.b[:, None]
            of_h = torch.einsum("gkj,nj->gnk", self.u, h) + self.v[:, None]
            r, z = torch.sigmoid(of_x[:2] + of_h[:2])
            h = torch.tanh(of_x[2] + r * of_h[2]) * (1 - z) + h * z
            outputs.append(h)
        return torch.stack(outputs), h[None]


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w, self.u, self.b, self.v = (
            nn.Parameter(torch.rand(4 * hidden_size, *rest) - 0.5) for rest in ((input_size,), (hidden_size,), (), ())
        )

    def forward(self, x, hx):
        h, c, outputs = hx[0][0], hx[1][0], []
        for x_t in x:
            i, f, g, o = (x_t @ self.w.T + self.b + h @ self.u.T + self.v).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs), (h[None], c[None])
