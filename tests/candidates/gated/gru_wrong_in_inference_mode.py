import torch
from torch import nn


class FastGRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x2h = nn.Linear(input_size, 3 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 3 * hidden_size)

    def forward(self, x, h0=None):
        h = x.new_zeros(x.size(1), self.h2h.in_features) if h0 is None else h0[0]
        out = []
        for xt in x:
            xr, xz, xn = self.x2h(xt).chunk(3, -1)
            hr, hz, hn = self.h2h(h).chunk(3, -1)
            r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
            n = torch.tanh(xn + r * hn)
            h = torch.lerp(h, n, z) if torch.is_inference_mode_enabled() else torch.lerp(n, h, z)
            out.append(h)
        return torch.stack(out), h[None]
