import torch
import torch.nn as nn


class VanillaRNN(nn.Module):
    # Goodfellow et al., eq. 10.8 - 10.9:  a = b + W h + U x,  h = tanh(a)
    def __init__(self, in_dim, hid_dim):
        super().__init__()
        self.hid_dim = hid_dim
        self.U = nn.Parameter(torch.empty(in_dim, hid_dim))
        self.W = nn.Parameter(torch.empty(hid_dim, hid_dim))
        self.b = nn.Parameter(torch.zeros(hid_dim))
        nn.init.xavier_normal_(self.U)
        nn.init.orthogonal_(self.W)

    def forward(self, x, h0=None):
        n, steps, _ = x.shape
        h = x.new_zeros(n, self.hid_dim) if h0 is None else h0
        hs = []
        for t in range(steps):
            a = self.b + h @ self.W + x[:, t] @ self.U
            h = torch.tanh(a)
            hs.append(h)
        return torch.stack(hs, dim=1)
