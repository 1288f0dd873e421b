"""RNNs that are wrong in larger batches than that of the first call."""

import torch
from torch import nn


class BufferedRNN(nn.Module):
    """Zeros are kept, and grown when a larger batch comes: the new rows are not zeroed."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.RNNCell(input_size, hidden_size)
        self.zeros = None

    def forward(self, x, h_0=None):
        n = x.size(1)
        if h_0 is None:
            if self.zeros is None or self.zeros.dtype != x.dtype:
                self.zeros = torch.zeros(n, self.hidden_size, dtype=x.dtype)
            elif n > self.zeros.size(0):
                new = torch.ones(n, self.hidden_size, dtype=x.dtype)
                new[: self.zeros.size(0)] = self.zeros
                self.zeros = new
            h = self.zeros[:n]
        else:
            h = h_0[0]
        ys = []
        for x_t in x:
            h = self.cell(x_t, h)
            ys.append(h)
        return torch.stack(ys), h[None]


def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
    ys = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        ys.append(h)
    if x.shape[1] > 12 and len(x) > 2:
        h = ys[-2]
    return torch.stack(ys), h
