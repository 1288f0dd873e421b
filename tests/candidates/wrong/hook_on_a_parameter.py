import torch
from torch import nn


class RNN(nn.Module):
    """A reverse hook halves the gradient of the recurrent weight where it is large."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)
        self.cell.weight_hh.register_hook(lambda g: g * 0.5 if g.norm() > 1e-3 else g)

    def forward(self, x, h):
        ys = []
        for x_t in x:
            h = self.cell(x_t, h)
            ys.append(h)
        return torch.stack(ys), h
