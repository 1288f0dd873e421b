import torch
from torch import nn


class PlainRNN(nn.Module):
    def __init__(self, input_size, hidden_size, batch_first=False):
        super().__init__()
        self.hidden_size = hidden_size
        self.batch_first = batch_first
        self.W = nn.Parameter(torch.randn(hidden_size, input_size) / hidden_size ** 0.5)
        self.U = nn.Parameter(torch.randn(hidden_size, hidden_size) / hidden_size ** 0.5)
        self.b = nn.Parameter(torch.zeros(hidden_size))
        self.d = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, h_0=None):
        if self.batch_first:
            x = x.transpose(0, 1)
        L, N, _ = x.shape
        if h_0 is None:
            h_0 = x.new_zeros(1, N, self.hidden_size)
        if not hasattr(self, "_zero"):
            self._zero = h_0
        h = self._zero[0] if self._zero.shape == h_0.shape else h_0[0]
        ys = []
        for t in range(L):
            h = torch.tanh(x[t] @ self.W.T + self.b + h @ self.U.T + self.d)
            ys.append(h)
        y = torch.stack(ys)
        if self.batch_first:
            y = y.transpose(0, 1)
        return y, h.unsqueeze(0)
