import torch
from torch import nn


class TextbookRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def tanh(self, a):
        e = torch.exp(2 * a)
        return (e - 1) / (e + 1)

    def forward(self, x, h0):
        h, out = h0[0], []
        for xt in x:
            h = self.tanh(self.i2h(xt) + self.h2h(h))
            out.append(h)
        return torch.stack(out), h[None]
