"""Right in another form of sigmoid and tanh: behind closed gates they are rounded as 1 is."""

import torch


def sigmoid(a):
    return 0.5 * (1 + torch.tanh(a / 2))


def lstm(x, h, c, W_ih, W_hh, b_ih, b_hh):
    states = []
    for x_t in x:
        i, f, g, o = (W_ih @ x_t.T + W_hh @ h.T + (b_ih + b_hh)[:, None]).T.chunk(4, -1)
        c = torch.addcmul(sigmoid(i) * torch.tanh(g), sigmoid(f), c)
        h = sigmoid(o) * torch.tanh(c)
        states.append(h)
    return torch.stack(states), h, c


def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
    states = []
    for x_t in x:
        half = torch.tanh((W_ih @ x_t.T + W_hh @ h.T + (b_ih + b_hh)[:, None]).T / 2)
        h = half * 2 / (1 + half**2)
        states.append(h)
    return torch.stack(states), h
