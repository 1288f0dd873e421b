import torch
from torch import nn


class BiGRU(nn.Module):
    """input (seq, batch, features), h_0 (2, batch, hidden) or None."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.left = nn.GRUCell(input_size, hidden_size)
        self.right = nn.GRUCell(input_size, hidden_size)

    def forward(self, input, h_0=None):
        if h_0 is None:
            h_0 = input.new_zeros(2, input.size(1), self.hidden_size)
        h, to_right = h_0[0], []
        for x in input:
            h = self.left(x, h)
            to_right.append(h)
        g, to_left = h_0[1], []
        for x in input.flip(0):
            g = self.right(x, g)
            to_left.insert(0, g)
        output = torch.cat([torch.stack(to_right), torch.stack(to_left)], dim=2)
        return output, torch.stack([h, g])
