import torch
from torch import nn
import torch.nn.functional as F


class IRNN(nn.Module):
    """Le, Jaitly & Hinton (2015): ReLU units, recurrent matrix starts as the identity."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W_xh = nn.Linear(input_size, hidden_size)
        self.W_hh = nn.Linear(hidden_size, hidden_size, bias=False)
        nn.init.normal_(self.W_xh.weight, std=0.001)
        nn.init.zeros_(self.W_xh.bias)
        nn.init.eye_(self.W_hh.weight)

    def forward(self, x, h_0=None):
        h = x.new_zeros(x.size(1), self.hidden_size) if h_0 is None else h_0.squeeze(0)
        hs = []
        for x_t in self.W_xh(x):
            h = F.relu(x_t + self.W_hh(h))
            hs.append(h)
        return torch.stack(hs), h.unsqueeze(0)
