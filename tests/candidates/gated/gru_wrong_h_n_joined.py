import torch
import torch.nn as nn

class UniGRU(nn.Module):
    def __init__(self, d_in, d_h):
        super().__init__()
        self.Wx = nn.Linear(d_in, 3 * d_h)
        self.Wh = nn.Linear(d_h, 3 * d_h)

    def forward(self, x, h):          # x: B x T x D
        xr, xz, xn = self.Wx(x).chunk(3, dim=-1)
        ys = []
        for t in range(x.size(1)):
            hr, hz, hn = self.Wh(h).chunk(3, dim=-1)
            r = torch.sigmoid(xr[:, t] + hr)
            z = torch.sigmoid(xz[:, t] + hz)
            n = torch.tanh(xn[:, t] + r * hn)
            h = n - z * n + z * h
            ys.append(h)
        return torch.stack(ys, dim=1), h

class BiGRU(nn.Module):
    def __init__(self, d_in, d_h):
        super().__init__()
        self.fwd = UniGRU(d_in, d_h)
        self.bwd = UniGRU(d_in, d_h)

    def forward(self, x, h0):
        """x: B x T x D, h0: 2 x B x H"""
        y1, h1 = self.fwd(x, h0[0])
        y2, h2 = self.bwd(x.flip(1), h0[1])
        return torch.cat([y1, y2.flip(1)], dim=-1), torch.cat([h1, h2], -1).unsqueeze(0)
