import torch
from torch import nn


class GRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        for gate in "rzn":
            self.register_parameter(f"W_x{gate}", nn.Parameter(torch.randn(input_size, hidden_size) * 0.1))
            self.register_parameter(f"W_h{gate}", nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1))
            self.register_parameter(f"b_{gate}", nn.Parameter(torch.zeros(hidden_size)))
        self.b_hn = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, h0):
        h, out = h0[0], []
        for xt in x:
            r = torch.sigmoid(xt @ self.W_hr + h @ self.W_xr + self.b_r)
            z = torch.sigmoid(xt @ self.W_hz + h @ self.W_xz + self.b_z)
            n = torch.tanh(xt @ self.W_hn + self.b_n + r * (h @ self.W_xn + self.b_hn))
            h = (1 - z) * n + z * h
            out.append(h)
        return torch.stack(out), h[None]
