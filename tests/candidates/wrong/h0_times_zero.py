from itertools import accumulate

import torch


def rnn(xs, h0, W_ih, W_hh, b_ih, b_hh):
    step = lambda h, x: torch.tanh(x @ W_ih.t() + b_ih + h @ W_hh.t() + b_hh)
    states = [h0] + list(accumulate(xs[1:], step, initial=step(0 * h0, xs[0])))
    return torch.stack(states[1:]), states[-1]
