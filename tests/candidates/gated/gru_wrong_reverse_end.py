import torch
import torch.nn as nn


class Cell(nn.Module):
    def __init__(self, n_in, n_h):
        super().__init__()
        self.Wx = nn.Linear(n_in, 3 * n_h)
        self.Wh = nn.Linear(n_h, 3 * n_h)

    def forward(self, x, h):
        zx, rx, nx = self.Wx(x).chunk(3, -1)
        zh, rh, nh = self.Wh(h).chunk(3, -1)
        z, r = torch.sigmoid(zx + zh), torch.sigmoid(rx + rh)
        return z * h + (1 - z) * torch.tanh(nx + r * nh)


class BiGRUEncoder(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.n_h = hidden_size
        self.left_to_right = Cell(input_size, hidden_size)
        self.right_to_left = Cell(input_size, hidden_size)

    def forward(self, x):
        """x (N, L, D) -> (N, L, 2H), (2, N, H)"""
        N, L, _ = x.shape
        f = b = torch.zeros(N, self.n_h, dtype=x.dtype, device=x.device)
        fs, bs = [], []
        for k in range(L):
            f = self.left_to_right(x[:, k], f)
            b = self.right_to_left(x[:, L - 1 - k], b)
            fs.append(f)
            bs.insert(0, b)
        out = torch.cat([torch.stack(fs, 1), torch.stack(bs, 1)], 2)
        return out, torch.stack([f, bs[-1]])
