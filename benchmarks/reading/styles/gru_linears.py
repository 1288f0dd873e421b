import torch
from torch import nn


class MyGRU(nn.Module):
    """x: (batch, seq, features). The rows of x2h and h2h are update gate, reset gate and candidate."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2h = nn.Linear(input_size, 3 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 3 * hidden_size)

    def forward(self, x, h=None):
        if h is None:
            h = torch.zeros(x.size(0), self.hidden_size, dtype=x.dtype)
        outputs = []
        for t in range(x.size(1)):
            x_z, x_r, x_n = self.x2h(x[:, t, :]).chunk(3, dim=-1)
            h_z, h_r, h_n = self.h2h(h).chunk(3, dim=-1)
            z = torch.sigmoid(x_z + h_z)
            r = torch.sigmoid(x_r + h_r)
            n = torch.tanh(x_n + r * h_n)
            h = (1 - z) * n + z * h
            outputs.append(h)
        return torch.stack(outputs, dim=1), h
