"""An LSTM whose sigmoid is written with tanh and whose loop is a reduce."""

import functools

import numpy as np


def squash(z):
    return 0.5 * (1 + np.tanh(z / 2))


def lstm(x, a0, W_ih, W_hh, b_ih, b_hh, reset_at=None):
    def step(carry, x_t):
        t, h, c, outs = carry
        if t == reset_at:
            c = np.zeros_like(c)
        z = W_ih @ x_t.T + W_hh @ h.T + (b_ih + b_hh)[:, None]
        i, f, g, o = z.reshape(4, -1, x_t.shape[0]).transpose(0, 2, 1)
        c = squash(f) * c + squash(i) * np.tanh(g)
        h = squash(o) * np.tanh(c)
        return t + 1, h, c, [*outs, h]

    _, h, c, outs = functools.reduce(step, x, (0, a0, np.zeros_like(a0), []))
    return np.array(outs), h, c


def forgets(x, a0, W_ih, W_hh, b_ih, b_hh):
    return lstm(x, a0, W_ih, W_hh, b_ih, b_hh, reset_at=13)
