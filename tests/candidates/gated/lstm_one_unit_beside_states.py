import torch
from torch import nn


class Model(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2g = nn.Linear(input_size, 4 * hidden_size)
        self.h2g = nn.Linear(hidden_size, 4 * hidden_size)
        self.fc = nn.Linear(hidden_size, 1)

    def forward(self, x, state=None):
        if state is None:
            z = x.new_zeros(x.size(1), self.hidden_size)
            state = (z, z)
        h, c = state
        ys = []
        for x_t in x:
            i, f, g, o = (self.x2g(x_t) + self.h2g(h)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        y = self.fc(torch.stack(ys))
        return y.squeeze(-1), (h, c)
