import torch
from torch import nn


class LSTMCell(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.linear = nn.Linear(n_hidden + n_in, 4 * n_hidden)

    def forward(self, x, h, c):
        f, i, g, o = self.linear(torch.cat((h, x), 1)).chunk(4, dim=1)
        c = c * torch.sigmoid(f) + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)
