import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, hidden):
        h, c = hidden
        h, c, x = h.view(h.size(1), -1), c.view(c.size(1), -1), x.view(x.size(1), -1)
        i, f, o, g = (self.i2h(x) + self.h2h(h)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = (torch.sigmoid(o) * torch.tanh(c)).view(1, h.size(0), -1)
        c = c.view(1, h.size(1), -1)
        return h, (h, c)
