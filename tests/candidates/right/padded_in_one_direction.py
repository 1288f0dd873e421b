"""One direction over padded sequences and their lengths, which no argument turns around."""

import torch
from torch import nn


class Masked(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, hidden_size)
        self.hh = nn.Linear(hidden_size, hidden_size)

    def kept(self, new, h, t, lengths):
        return torch.where((t < lengths)[:, None], new, h)

    def forward(self, x, lengths, h=None):
        if h is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
        ys = []
        for t, x_t in enumerate(x):
            new = torch.tanh(self.ih(x_t) + self.hh(h))
            h = self.kept(new, h, t, lengths)
            ys.append(new)
        return torch.stack(ys), h


class Unmasked(Masked):
    def kept(self, new, h, t, lengths):
        return new
