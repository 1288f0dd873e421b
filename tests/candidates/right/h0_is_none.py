import numpy as np


def rnn_forward(x, W_ih, W_hh, b_ih, b_hh, h_0=None):
    """x: (N, L, I), h_0: (N, H)"""
    zeros = np.zeros((x.shape[0], W_hh.shape[0]))
    h = zeros if h_0 is None else h_0
    out = []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        out.append(h)
    return np.stack(out, axis=1), h
