"""Taggers: a head of a number of classes that is a size of the trials too, a head of two layers, and a tag size."""

import torch
from torch import nn


class Tagger(nn.Module):
    def __init__(self, input_size, hidden_size, n_tags):
        super().__init__()
        self.i2h, self.h2h = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.fc = self.head(hidden_size, n_tags)

    def head(self, hidden_size, n_tags):
        return nn.Linear(hidden_size, n_tags)

    def forward(self, x, h):
        states = []
        for x_t in x:
            h = torch.tanh(self.i2h(x_t) + self.h2h(h))
            states.append(h)
        return self.fc(torch.stack(states)), h


class OfSeven(Tagger):
    def __init__(self, input_size, hidden_size, things=7):
        super().__init__(input_size, hidden_size, things)


class OfTwoLayers(Tagger):
    def head(self, hidden_size, n_tags):
        return nn.Sequential(nn.Linear(hidden_size, 16), nn.ReLU(), nn.Linear(16, n_tags))
