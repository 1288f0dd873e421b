import numpy as np


def gru(x, h, W, U, b, c):
    sigmoid = lambda v: 1 / (1 + np.exp(-v))
    out = []
    for x_t in x:
        xz, xr, xn = np.split(x_t @ W + b, 3, axis=-1)
        hz, hr, hn = np.split(h @ U + c, 3, axis=-1)
        z, r = sigmoid(xz + hz), sigmoid(xr + hr)
        h = (1 - z) * np.tanh(xn + r * hn) + z * h
        out.append(h)
    return np.stack(out), h
