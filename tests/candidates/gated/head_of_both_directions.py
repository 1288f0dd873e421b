"""Taggers: a head of both directions, for every step."""

import torch
from torch import nn


class Tagger(nn.Module):
    def __init__(self, input_size, hidden_size, num_classes):
        super().__init__()
        self.hidden_size = hidden_size
        self.forward_cell, self.backward_cell = (nn.LSTMCell(input_size, hidden_size) for _ in range(2))
        self.fc = nn.Linear(2 * hidden_size, num_classes)

    def walk(self, cell, steps):
        h = c = steps[0].new_zeros(len(steps[0]), self.hidden_size)
        states = []
        for x in steps:
            h, c = cell(x, (h, c))
            states.append(h)
        return states

    def forward(self, x):
        steps = list(x.unbind(1))
        there, back = self.walk(self.forward_cell, steps), self.walk(self.backward_cell, steps[::-1])
        both = [torch.cat(pair, dim=1) for pair in zip(there, self.in_order(back))]
        return self.fc(torch.stack(both, dim=1))

    def in_order(self, back):
        return back[::-1]


class NotPutBack(Tagger):
    def in_order(self, back):
        return back
