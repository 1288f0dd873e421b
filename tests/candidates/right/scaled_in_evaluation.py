import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, h):
        ys = []
        for x_t in x:
            h = self.cell(x_t, h)
            ys.append(h if self.training else h * 0.5)
        return torch.stack(ys), h
