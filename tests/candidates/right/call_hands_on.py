import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)

    def forward(self, x, h):
        ys = []
        for x_t in x:
            h = self.cell(x_t, h)
            ys.append(h)
        return torch.stack(ys), h
