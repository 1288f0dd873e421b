import numpy as np


def tanh(z):
    e = np.exp(-2.0 * np.abs(z))
    return np.sign(z) * (1.0 - e) / (1.0 + e)


def rnn(x, h, Wxh, Whh, bxh, bhh):
    """x: (T, N, I), h: (N, H); weights (H, I) and (H, H)"""
    out = np.zeros((x.shape[0],) + h.shape, dtype=x.dtype)
    for t in range(x.shape[0]):
        h = tanh(np.dot(x[t], Wxh.T) + bxh + np.dot(h, Whh.T) + bhh)
        out[t] = h
    return out, h
