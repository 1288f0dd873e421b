import torch
from torch import nn


class GRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.Wx_r = nn.Parameter(torch.randn(input_size, hidden_size) * 0.1)
        self.Wh_r = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.b_r = nn.Parameter(torch.zeros(hidden_size))
        self.Wx_z = nn.Parameter(torch.randn(input_size, hidden_size) * 0.1)
        self.Wh_z = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.b_z = nn.Parameter(torch.zeros(hidden_size))
        self.Wx_n = nn.Parameter(torch.randn(input_size, hidden_size) * 0.1)
        self.Wh_n = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.bx_n = nn.Parameter(torch.zeros(hidden_size))
        self.bh_n = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, h):
        out = []
        for x_t in x:
            r = torch.sigmoid(x_t @ self.Wx_r + h @ self.Wh_r + self.b_r)
            z = torch.sigmoid(x_t @ self.Wx_z + h @ self.Wh_z + self.b_z)
            n = torch.tanh(x_t @ self.Wx_n + self.bh_n + r * (h @ self.Wh_n + self.bx_n))
            h = (1 - z) * n + z * h
            out.append(h)
        return torch.stack(out), h
