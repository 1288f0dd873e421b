"""A GRU that walks over a list of weights and hands the parts of each item to a step."""

import torch


def cell(x, h, W_ih, W_hh, b_ih, b_hh):
    gi = x @ W_ih.T + b_ih
    gh = h @ W_hh.T + b_hh
    ir, iz, i_n = gi.chunk(3, -1)
    hr, hz, hn = gh.chunk(3, -1)
    r = torch.sigmoid(ir + hr)
    z = torch.sigmoid(iz + hz)
    n = torch.tanh(i_n + r * hn)
    return (1 - z) * n + z * h


def gru(x, states, params):
    states = list(states)
    out = []
    for x_t in x:
        for k, p in enumerate(params):
            states[k] = cell(x_t, states[k], *p)
            x_t = states[k]
        out.append(x_t)
    return torch.stack(out), torch.stack(states)


def stale(x, states, params):
    """Gives each layer what the layer below had a step before."""
    states = list(states)
    out = []
    for x_t in x:
        states = [cell(x_t if k == 0 else states[k - 1], states[k], *p) for k, p in enumerate(params)]
        out.append(states[-1])
    return torch.stack(out), torch.stack(states)
