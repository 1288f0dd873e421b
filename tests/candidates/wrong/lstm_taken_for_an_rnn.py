import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.randn(input_size, 4 * hidden_size) * .1)
        self.weight_hh = nn.Parameter(torch.randn(hidden_size, 4 * hidden_size) * .1)
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))

    def forward(self, x):
        h = c = x.new_zeros(x.size(1), self.hidden_size)
        hs, cs = [], []
        for x_t in x:
            f, i, o, g = (x_t @ self.weight_ih + h @ self.weight_hh + self.bias).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            hs.append(h)
            cs.append(c)
        return torch.stack(hs), torch.stack(cs)
