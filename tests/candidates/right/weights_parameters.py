import torch
import torch.nn as nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.Wxh = nn.Parameter(torch.randn(hidden_size, input_size) * 0.01)
        self.Whh = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.01)
        self.bh = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, h):
        hs = []
        for t in range(x.size(1)):
            h = torch.tanh(x[:, t] @ self.Wxh.T + h @ self.Whh.T + self.bh)
            hs.append(h)
        return torch.stack(hs, 1), h
