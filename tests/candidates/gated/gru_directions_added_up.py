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
