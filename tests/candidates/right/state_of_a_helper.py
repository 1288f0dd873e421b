import torch
from torch import nn


class Elman(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.randn(hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.randn(hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.randn(hidden_size))

    def init_hidden(self, x):
        return x.new_zeros(1, x.shape[1], self.hidden_size)

    def forward(self, x, hx=None):
        h = (self.init_hidden(x) if hx is None else hx)[0]
        ys = []
        for x_t in x:
            h = torch.tanh(nn.functional.linear(x_t, self.weight_ih, self.bias) + nn.functional.linear(h, self.weight_hh))
            ys.append(h)
        return torch.stack(ys), h.unsqueeze(0)
