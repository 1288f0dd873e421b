import torch
from torch import nn


class PeepholeLSTM(nn.Module):
    """Peepholes that are zero at first."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.w_ci, self.w_cf, self.w_co = (nn.Parameter(self.start(hidden_size)) for _ in range(3))

    def start(self, size):
        return torch.zeros(size)

    def forward(self, x, state):
        h, c = state
        i, f, g, o = (self.x2h(x) + self.h2h(h)).chunk(4, 1)
        i = torch.sigmoid(i + self.w_ci * c)
        f = torch.sigmoid(f + self.w_cf * c)
        c = f * c + i * torch.tanh(g)
        h = torch.sigmoid(o + self.w_co * c) * torch.tanh(c)
        return h, (h, c)


class RandomPeepholes(PeepholeLSTM):
    def start(self, size):
        return torch.randn(size)
