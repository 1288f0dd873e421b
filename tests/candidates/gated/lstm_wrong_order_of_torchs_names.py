from functools import partial
from itertools import accumulate

import torch


def _step(state, x, W, U, b):
    h, c = state
    o, f, g, i = (x @ W.T + h @ U.T + b).split(h.shape[-1], dim=-1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def lstm_scan(x, h0, c0, weight_ih, weight_hh, bias):
    states = list(accumulate(x, partial(_step, W=weight_ih, U=weight_hh, b=bias), initial=(h0, c0)))[1:]
    output = torch.stack([h for h, _ in states])
    return output, states[-1][0], states[-1][1]
