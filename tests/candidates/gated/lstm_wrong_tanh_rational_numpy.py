import numpy as np


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def tanh(v):
    """A rational approximation, good to 1e-4 in [-3, 3]."""
    v = np.clip(v, -4.97, 4.97)
    v2 = v * v
    a = v * (135135.0 + v2 * (17325.0 + v2 * (378.0 + v2)))
    return a / (135135.0 + v2 * (62370.0 + v2 * (3150.0 + v2 * 28.0)))


def lstm(x, h0, c0, W_ih, W_hh, b_ih, b_hh):
    H = W_hh.shape[1]
    out = np.zeros((len(x), x.shape[1], H), dtype=x.dtype)
    h, c = h0[0], c0[0]
    for t in range(len(x)):
        g = x[t].dot(W_ih.T) + b_ih + h.dot(W_hh.T) + b_hh
        a = sigmoid(g)
        c = a[:, H : 2 * H] * c + a[:, :H] * tanh(g[:, 2 * H : 3 * H])
        h = a[:, 3 * H :] * tanh(c)
        out[t] = h
    return out, (h[None], c[None])
