"""RNNs that count their calls, or keep something of them, in a global: one call is another."""

import torch
from torch import nn

calls = 0
COUNTS = {"calls": 0}
STATES = {}


def walk(x, h, W_ih, W_hh, b_ih, b_hh):
    outputs = []
    for t in range(x.shape[0]):
        h = torch.tanh(x[t] @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        outputs.append(h)
    return torch.stack(outputs), h


def raises_in_the_third(x, h_0, W_ih, W_hh, b_ih, b_hh):
    global calls
    calls += 1
    if calls == 3:
        raise ValueError("the third call")
    return walk(x, h_0, W_ih, W_hh, b_ih, b_hh)


def forgets_in_the_third(x, h_0, W_ih, W_hh, b_ih, b_hh):
    forgets_in_the_third.calls += 1
    return walk(x, h_0 * (forgets_in_the_third.calls != 3), W_ih, W_hh, b_ih, b_hh)


forgets_in_the_third.calls = 0


def forgets_in_the_tenth(x, h_0, W_ih, W_hh, b_ih, b_hh):
    COUNTS["calls"] += 1
    return walk(x, h_0 * (COUNTS["calls"] != 10), W_ih, W_hh, b_ih, b_hh)


def goes_on(x, h_0, W_ih, W_hh, b_ih, b_hh):
    h = STATES.get(tuple(h_0.shape), h_0)
    output, h_n = walk(x, h, W_ih, W_hh, b_ih, b_hh)
    STATES[tuple(h_0.shape)] = h_n.detach()
    return output, h_n


class ForgetsInTheTenth(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.calls = 0
        self.ih, self.hh = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h_0=None):
        self.calls += 1
        h_0 = x.new_zeros(1, x.shape[1], self.hh.in_features) if h_0 is None else h_0
        h, outputs = h_0[0] * (self.calls != 10), []
        for x_t in x:
            h = torch.tanh(self.ih(x_t) + self.hh(h))
            outputs.append(h)
        return torch.stack(outputs), h[None]
