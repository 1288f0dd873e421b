"""Five steps, whatever the length of the input."""

import torch


def rnn(x, h0, w_ih, w_hh, b_ih, b_hh):
    h, states = h0[0], []
    for t in range(5):
        h = torch.tanh(x[t] @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
        states.append(h)
    return torch.stack(states), h[None]


def clamped(x, h0, w_ih, w_hh, b_ih, b_hh):
    h, states = h0[0], []
    for x_t in x:
        h = torch.relu(x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh).clamp(max=0.9)
        states.append(h)
    return torch.stack(states), h[None]
