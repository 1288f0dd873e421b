import torch
from torch import nn


class GRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        H = self.H = hidden_size
        self.W_x = nn.Parameter(torch.randn(3 * H, input_size))
        self.W_h = nn.Parameter(torch.randn(3 * H, H))
        self.b = nn.Parameter(torch.zeros(3 * H))

    def forward(self, x):
        h, out = x.new_zeros(x.shape[0], self.H), []
        for t in range(x.shape[1]):
            zi, ri, ni = (x[:, t] @ self.W_x.T + self.b).chunk(3, 1)
            zh, rh, nh = (h @ self.W_h.T).chunk(3, 1)
            z, r = torch.sigmoid(zi + zh), torch.sigmoid(ri + rh)
            n = torch.tanh(ni + (r * h) @ self.W_h[2 * self.H:].T)
            h = (1 - z) * n + z * h
            out.append(h)
        return torch.stack(out, 1)
