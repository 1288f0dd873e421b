import torch
from torch import nn


class _Rnn(nn.Module):
    def __init__(self, i, h):
        super().__init__()
        self.a = nn.Linear(i, h)
        self.b = nn.Linear(h, h)

    def forward(self, x, h):
        out = []
        for x_t in x:
            h = (self.a(x_t) + self.b(h)).tanh()
            out.append(h)
        return torch.stack(out), h


def make_rnn(input_size, hidden_size):
    """Returns an RNN: rnn(x (L, N, I), h (N, H)) -> (L, N, H), (N, H)"""
    return _Rnn(input_size, hidden_size)
