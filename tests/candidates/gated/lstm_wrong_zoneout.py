"""Zoneout, which keeps a part of the old states in eval mode too, with a probability of its own by default."""

import torch
from torch import nn


class ZoneoutLSTMCell(nn.Module):
    def __init__(self, input_size, hidden_size, bias=True, zoneout_prob=0.1):
        super().__init__()
        self.zoneout_prob = zoneout_prob
        self.lstm, self.dropout = nn.LSTMCell(input_size, hidden_size, bias), nn.Dropout(p=zoneout_prob)

    def forward(self, x, state):
        before, after, p = state, self.lstm(x, state), self.zoneout_prob
        if self.training:
            return tuple((1 - p) * self.dropout(new - old) + old for new, old in zip(after, before))
        return tuple((1 - p) * new + p * old for new, old in zip(after, before))


class OfTwoRates(nn.LSTMCell):
    def __init__(self, input_size, hidden_size, zoneout_rate_hidden, zoneout_rate_cell):
        super().__init__(input_size, hidden_size)
        self.rates = zoneout_rate_hidden, zoneout_rate_cell

    def forward(self, x, h, c):
        after = super().forward(x, (h, c))
        return tuple(p * old + (1 - p) * new for p, old, new in zip(self.rates, (h, c), after))
