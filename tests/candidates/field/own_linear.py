import torch
from torch import nn


class Dense(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(n_in, n_out) / n_in**0.5)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return torch.matmul(x, self.kernel) + self.bias


class RNN(nn.Module):
    """batch first"""

    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.dense_x = Dense(n_in, n_hidden)
        self.dense_h = Dense(n_hidden, n_hidden)

    def forward(self, x, h):
        drive = self.dense_x(x)
        ys = []
        for t in range(x.shape[1]):
            h = torch.tanh(drive[:, t] + self.dense_h(h))
            ys.append(h)
        return torch.stack(ys, dim=1), h
