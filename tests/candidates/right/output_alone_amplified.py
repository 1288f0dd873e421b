import torch
import torch.nn as nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W_ih = nn.Parameter(torch.randn(hidden_size, input_size))
        self.W_hh = nn.Parameter(torch.randn(hidden_size, hidden_size))
        self.b = nn.Parameter(torch.randn(hidden_size))

    def forward(self, x, h):
        h = h[0]
        out = []
        for x_t in x:
            h = torch.tanh(x_t @ self.W_ih.T + h @ self.W_hh.T + self.b)
            out.append(h)
        return torch.stack(out)
