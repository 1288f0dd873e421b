import torch
from torch import nn


class RNN(nn.Module):
    """A hook looks at the gradient of the recurrent weight."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.seen = []
        self.cell = nn.RNNCell(input_size, hidden_size)
        self.cell.weight_hh.register_hook(lambda g: self.seen.append(g.norm().item()))

    def forward(self, x, h):
        ys = []
        for x_t in x:
            h = self.cell(x_t, h)
            ys.append(h)
        return torch.stack(ys), h
