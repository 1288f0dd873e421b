"""A tagger that returns its logits, the last state, and the states of every step, which are one step late."""

import torch
from torch import nn


class Right(nn.Module):
    def __init__(self, input_size, hidden_size, n_tags):
        super().__init__()
        self.i2h, self.h2h = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.fc = nn.Linear(hidden_size, n_tags)

    def forward(self, x, h):
        states, before = [], []
        for x_t in x:
            before.append(h)
            h = torch.tanh(self.i2h(x_t) + self.h2h(h))
            states.append(h)
        return self.fc(torch.stack(states)), h, torch.stack(self.kept(before, states))

    def kept(self, before, states):
        return states


class Late(Right):
    def kept(self, before, states):
        return before
