"""LSTMs that return h and c of every step."""

import torch


def lstm(x, h, c, W_ih, W_hh, b_ih, b_hh):
    hs, cs = [], []
    for x_t in x:
        g = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh
        i, f, g, o = g.chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        hs.append(h)
        cs.append(c)
    return torch.stack(hs), torch.stack(cs)


def lstm_wrong(x, h, c, W_ih, W_hh, b_ih, b_hh):
    hs, cs = [], []
    for x_t in x:
        g = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh
        i, f, g, o = g.chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        hs.append(h)
        cs.append(c * 1.01)
    return torch.stack(hs), torch.stack(cs)


def lstm_nl(x, h, c, W_ih, W_hh, b_ih, b_hh):
    """x: (batch, time, features)"""
    hs, cs = [], []
    for t in range(x.shape[1]):
        g = x[:, t] @ W_ih.T + b_ih + h @ W_hh.T + b_hh
        i, f, g, o = g.chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        hs.append(h)
        cs.append(c)
    return torch.stack(hs, 1), torch.stack(cs, 1)


def lstm_list(x, h, c, W_ih, W_hh, b_ih, b_hh):
    hs, cs = [], []
    for x_t in x:
        g = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh
        i, f, g, o = g.chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        hs.append(h)
        cs.append(c)
    return hs, cs


def lstm_dict(x, h, c, W_ih, W_hh, b_ih, b_hh):
    hs, cs = [], []
    for x_t in x:
        g = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh
        i, f, g, o = g.chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        hs.append(h)
        cs.append(c)
    return {"output": torch.stack(hs), "cells": torch.stack(cs)}
