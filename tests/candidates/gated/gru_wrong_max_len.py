import torch
from torch import nn


class GRU(nn.Module):
    def __init__(self, input_size, hidden_size, max_len=32):
        super().__init__()
        self.hidden_size, self.max_len = hidden_size, max_len
        self.cell = nn.GRUCell(input_size, hidden_size)

    def forward(self, x, h=None):
        h = x.new_zeros(x.shape[1], self.hidden_size) if h is None else h
        out = x.new_zeros(x.shape[0], x.shape[1], self.hidden_size)
        for t in range(min(len(x), self.max_len)):
            h = self.cell(x[t], h)
            out[t] = h
        return out, h
