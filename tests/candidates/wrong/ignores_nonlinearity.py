import torch
from torch import nn


class ElmanRNN(nn.Module):
    def __init__(self, input_size, hidden_size, nonlinearity="tanh"):
        super().__init__()
        self.nonlinearity = nonlinearity
        self.x2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h_0):
        h = h_0
        ys = []
        for t in range(x.shape[0]):
            h = torch.tanh(self.x2h(x[t]) + self.h2h(h))
            ys.append(h)
        return torch.stack(ys), h
