import numpy as np


def rnn_forward(x, h0, W, U, b):
    """x (T, N, I), h0 (N, H). All outputs are the same, is this a vanishing gradient?"""
    h = h0.copy()
    outputs = []
    for t in range(len(x)):
        h[:] = np.tanh(x[t] @ W.T + h @ U.T + b)
        outputs.append(h)
    return np.array(outputs), h
