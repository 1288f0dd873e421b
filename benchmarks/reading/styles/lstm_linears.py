import torch
from torch import nn


class MyLSTM(nn.Module):
    """x: (batch, seq, features). The rows of x2h and h2h are input, forget, output and cell gate."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        if state is None:
            h = torch.zeros(x.size(0), self.hidden_size, dtype=x.dtype)
            c = torch.zeros(x.size(0), self.hidden_size, dtype=x.dtype)
        else:
            h, c = state
        outputs = []
        for t in range(x.size(1)):
            i, f, o, g = (self.x2h(x[:, t, :]) + self.h2h(h)).chunk(4, dim=-1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs, dim=1), (h, c)
