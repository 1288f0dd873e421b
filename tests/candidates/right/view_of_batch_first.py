import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h=None):
        # x: (batch, time, features)
        B, T, _ = x.shape
        pre = self.i2h(x.view(B * T, -1)).view(B, T, self.hidden_size)
        h = x.new_zeros(B, self.hidden_size) if h is None else h
        ys = []
        for t in range(T):
            h = torch.tanh(pre[:, t] + self.h2h(h))
            ys.append(h)
        return torch.stack(ys, 1), h
