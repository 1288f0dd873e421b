import torch
from torch import nn
import torch.nn.functional as F


class GRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.GRUCell(input_size, hidden_size)

    def forward(self, x, h=None):
        if self.training:
            x = x + 0.01 * torch.randn_like(x)
        h = x.new_zeros(x.shape[1], self.hidden_size) if h is None else h
        ys = []
        for x_t in x:
            h = self.cell(x_t, h)
            ys.append(h)
        return torch.stack(ys), h
