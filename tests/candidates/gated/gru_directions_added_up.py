"""A bidirectional GRU that adds up its directions, as merge_mode="sum" of Keras does."""

import torch
from torch import nn


class Sum(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.forward_gru = nn.GRU(input_size, hidden_size)
        self.backward_gru = nn.GRU(input_size, hidden_size)

    def forward(self, x):
        forward, h_forward = self.forward_gru(x)
        backward, h_backward = self.backward_gru(x.flip(0))
        return forward + backward.flip(0), torch.cat([h_forward, h_backward])


class TwoLayers(nn.Module):
    """Has two layers in one direction, always."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.lower, self.upper = nn.GRUCell(input_size, hidden_size), nn.GRUCell(hidden_size, hidden_size)

    def forward(self, x, h):
        h0, h1 = h.unbind(0)
        ys = []
        for xt in x:
            h0 = self.lower(xt, h0)
            h1 = self.upper(h0, h1)
            ys.append(h1)
        return torch.stack(ys), torch.stack((h0, h1))
