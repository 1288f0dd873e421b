import torch
import torch.nn as nn


class ExpandedStateRNN(nn.Module):
    """Every sequence starts from the state of the first one."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def start(self, h):
        return h[:1].expand_as(h)

    def mix(self, h):
        return h

    def last(self, h):
        return h

    def forward(self, x, h):
        h = self.start(h)
        out = []
        for t in range(x.size(1)):
            h = torch.tanh(self.i2h(x[:, t]) + self.h2h(self.mix(h)))
            out.append(h)
        return torch.stack(out, 1), self.last(h)


class MeanStateRNN(ExpandedStateRNN):
    def start(self, h):
        return h

    def mix(self, h):
        return h.mean(0, keepdim=True)


class RolledStateRNN(ExpandedStateRNN):
    def start(self, h):
        return h

    def mix(self, h):
        return h.roll(1, 0)


class SortedStateRNN(ExpandedStateRNN):
    def start(self, h):
        return h

    def mix(self, h):
        return h.sort(0)[0]


class FlippedFinalRNN(ExpandedStateRNN):
    def start(self, h):
        return h

    def last(self, h):
        return torch.flip(h, [0])


class PlainRNN(ExpandedStateRNN):
    def start(self, h):
        return h
