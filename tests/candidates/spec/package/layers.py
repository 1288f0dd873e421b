import torch
from torch import nn

from .cells import ElmanCell


class ElmanLayer(nn.Module):
    """x (L, N, I), h (N, H) -> (L, N, H), (N, H)"""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = ElmanCell(input_size, hidden_size)

    def forward(self, x, h):
        ys = []
        for x_t in x:
            h = self.cell(x_t, h)
            ys.append(h)
        return torch.stack(ys), h


class DelayedLayer(ElmanLayer):
    def forward(self, x, h):
        ys = []
        for x_t in x:
            ys.append(h)
            h = self.cell(x_t, h)
        return torch.stack(ys), h
