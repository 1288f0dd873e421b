"""Right ones whose reading says what they are: a list of weights, an activation that is a function, noted states."""

import torch
import torch.nn.functional as F
from torch import nn


def of_a_list(x, h, params):
    W, U, b = params
    states = []
    for x_t in x:
        h = torch.tanh(x_t @ W + h @ U + b)
        states.append(h)
    return torch.stack(states), h


class ByFunction(nn.Module):
    def __init__(self, input_size, hidden_size, activation=F.relu):
        super().__init__()
        self.i2h, self.h2h = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.activation = activation

    def forward(self, x, h):
        return self.activation(self.i2h(x) + self.h2h(h))


class Noted(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h, self.h2h = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        """h: Optional hidden vector (nr_layers, batch_size, hidden_size)"""
        states = []
        for x_t in x:
            h = torch.tanh(self.i2h(x_t) + self.h2h(h))
            states.append(h)
        return torch.cat(states), h


def sized(X, H, W_ih, W_hh, b_ih, b_hh, hid=3):
    states = []
    for x_t in X:
        H = torch.tanh(F.linear(x_t, W_ih, b_ih) + F.linear(H, W_hh, b_hh)).reshape(-1, hid)
        states.append(H)
    return torch.stack(states), H


def of_a_length(x, h, W_ih, W_hh, b_ih, b_hh, sequence_length=None):
    sequence_length = len(x) if sequence_length is None else sequence_length.item()
    states = []
    for t in range(sequence_length):
        h = torch.tanh(F.linear(x[t], W_ih, b_ih) + F.linear(h, W_hh, b_hh))
        states.append(h)
    return torch.stack(states), h
