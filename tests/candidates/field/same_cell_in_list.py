import torch
from torch import nn


class StackedRNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=2):
        super().__init__()
        cell = nn.RNNCell(input_size, hidden_size)
        self.cells = nn.ModuleList([cell] * num_layers)

    def forward(self, x, h0):
        h = list(h0)
        ys = []
        for x_t in x:
            for k, cell in enumerate(self.cells):
                h[k] = x_t = cell(x_t, h[k])
            ys.append(x_t)
        return torch.stack(ys), torch.stack(h)
