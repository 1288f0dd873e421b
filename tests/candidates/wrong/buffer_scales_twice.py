import torch
from torch import nn


class Recurrent(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)
        self.register_buffer("scale", torch.full((hidden_size,), 0.5))

    def forward(self, x, h):
        ys = []
        for x_t in x:
            h = self.cell(x_t, h) * self.scale
            ys.append(h)
        return torch.stack(ys), h
