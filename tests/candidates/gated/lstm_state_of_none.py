import torch
from torch import nn


class LSTM(nn.Module):
    """state: (h, c), or None, for which it has no default."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight = nn.Parameter(torch.randn(input_size + hidden_size, 4 * hidden_size) * 0.1)
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))

    def zeros(self, x):
        return x.new_zeros(len(x), self.hidden_size), x.new_zeros(len(x), self.hidden_size)

    def forward(self, x, state):
        if state is None:
            h, c = self.zeros(x)
        else:
            h, c = state
        outputs = []
        for t in range(x.shape[1]):
            i, f, o, g = (torch.cat([x[:, t], h], -1) @ self.weight + self.bias).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs, 1), (h, c)


class Misspelt(LSTM):
    def zeros(self, x):
        return x.new_zeros(len(x), self.hidden_size), x.new_zeors(len(x), self.hidden_size)


class Ones(LSTM):
    def zeros(self, x):
        return tuple(zeros + 1 for zeros in super().zeros(x))
