"""Weights and states in lists over layers and directions; a step takes the parts of an item."""

import torch


def lstm_cell(x, hc, w_ih, w_hh, b_ih, b_hh):
    h, c = hc
    gates = torch.addmm(torch.addmm(b_ih, x, w_ih.mT), h, w_hh.mT) + b_hh
    i, f, g, o = gates.tensor_split(4, dim=1)
    i, f, o = map(torch.sigmoid, (i, f, o))
    c = torch.addcmul(f * c, i, g.tanh())
    return o * torch.tanh(c), c


def lstm_layer(xs, hc, params, reverse=False):
    ys = []
    for x in (xs.flip(0) if reverse else xs):
        hc = lstm_cell(x, hc, *params)
        ys.append(hc[0])
    ys = torch.stack(ys)
    return (ys.flip(0) if reverse else ys), hc


def lstm_forward(x, hc, params, num_layers=1, bidirectional=False):
    """params: list of [w_ih, w_hh, b_ih, b_hh], one per layer and direction.
    hc: list of (h, c), one per layer and direction.
    Returns output and the list of final (h, c)."""
    D = 2 if bidirectional else 1
    finals = []
    for layer in range(num_layers):
        outs = []
        for d in range(D):
            k = layer * D + d
            y, s = lstm_layer(x, hc[k], params[k], reverse=d == 1)
            outs.append(y)
            finals.append(s)
        x = torch.cat(outs, dim=-1)
    return x, finals
