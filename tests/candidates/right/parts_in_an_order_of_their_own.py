"""Layers as tuples, which a step takes in the order of its arguments, W_hh first."""

import torch


def rnn_step(h, x, W_hh, W_ih, b):
    return torch.tanh(h @ W_hh.T + x @ W_ih.T + b)


def rnn_stack(x, h0, params):
    """params: list over layers of (W_hh, W_ih, b)"""
    hs = list(h0)
    out = []
    for xt in x:
        for k in range(len(params)):
            hs[k] = rnn_step(hs[k], xt, *params[k])
            xt = hs[k]
        out.append(xt)
    return torch.stack(out), torch.stack(hs)


def rnn_stack_w2(x, h0, params):
    """params: list over layers of (W_hh, W_ih, b)"""
    # upper layers get x of the step before activation
    hs = list(h0)
    out = []
    for xt in x:
        for k in range(len(params)):
            old = hs[k]
            hs[k] = rnn_step(hs[k], xt, *params[k])
            xt = old
        out.append(hs[-1])
    return torch.stack(out), torch.stack(hs)
