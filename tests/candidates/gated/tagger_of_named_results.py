"""A tagger of both directions whose results have names, logits among them."""

from typing import NamedTuple

import torch
from torch import nn


class Results(NamedTuple):
    logits: torch.Tensor
    h_n: torch.Tensor
    c_n: torch.Tensor


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x2g, self.h2g = nn.Linear(input_size, 4 * hidden_size), nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, xs, h, c):
        hs = []
        for x in xs:
            i, f, g, o = (self.x2g(x) + self.h2g(h)).chunk(4, dim=-1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            hs.append(h)
        return hs, h, c


class Tagger(nn.Module):
    def __init__(self, input_size, hidden_size, n_tags):
        super().__init__()
        self.forward_lstm, self.backward_lstm = LSTM(input_size, hidden_size), LSTM(input_size, hidden_size)
        self.hidden2tag = nn.Linear(2 * hidden_size, n_tags)

    def forward(self, x, state):
        h_0, c_0 = state
        xs = x.unbind(1)
        there, h_there, c_there = self.forward_lstm(xs, h_0[0], c_0[0])
        back, h_back, c_back = self.backward_lstm(xs[::-1], h_0[1], c_0[1])
        hs = [torch.cat([a, b], -1) for a, b in zip(there, back[::-1])]
        logits = self.hidden2tag(torch.stack(hs, 1))
        return Results(logits, torch.stack([h_there, self.last_of(back, h_back)]), torch.stack([c_there, c_back]))

    def last_of(self, back, h_back):
        return h_back


class FromTheOtherEnd(Tagger):
    def last_of(self, back, h_back):
        return back[0]
