import torch
import torch.nn as nn


class ElmanCell(nn.Module):
    """One time step: h' = tanh(x W_x + h W_h + b). x is (batch, n_x), h is (batch, n_h)."""

    def __init__(self, n_x, n_h):
        super().__init__()
        self.W_x = nn.Parameter(torch.empty(n_x, n_h))
        self.W_h = nn.Parameter(torch.empty(n_h, n_h))
        self.b = nn.Parameter(torch.zeros(n_h))
        nn.init.xavier_uniform_(self.W_x)
        nn.init.orthogonal_(self.W_h)

    def forward(self, x, h):
        return torch.tanh(torch.mm(x, self.W_x) + torch.mm(h, self.W_h) + self.b)
