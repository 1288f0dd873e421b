"""A class whose constructor reads a file that is not here."""

import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.ih = nn.Linear(input_size, hidden_size)
        self.hh = nn.Linear(hidden_size, hidden_size)
        self.scale = torch.load("weights_of_a_friend.pt")

    def forward(self, x, h):
        states = []
        for x_t in x:
            h = torch.tanh(self.ih(x_t) + self.hh(h)) * self.scale
            states.append(h)
        return torch.stack(states), h
