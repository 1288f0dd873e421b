import numpy as np


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def gru_numpy(x, h_0, w_ih, w_hh, b_ih, b_hh):
    H = w_hh.shape[1]
    h = h_0[0]
    H3 = 2 * H
    b_ih[:H3] += b_hh[:H3]
    out = []
    for t in range(x.shape[0]):
        gi = x[t] @ w_ih.T + b_ih
        gh = h @ w_hh.T
        gh[:, H3:] += b_hh[H3:]
        r = sigmoid(gi[:, :H] + gh[:, :H])
        z = sigmoid(gi[:, H:2 * H] + gh[:, H:2 * H])
        n = np.tanh(gi[:, 2 * H:] + r * gh[:, 2 * H:])
        h = (1 - z) * n + z * h
        out.append(h)
    return np.stack(out), h[None]
