import numpy as np


def rnn_forward(X, h, Wx, Wh, b):
    """Columns are samples. X: (T, n_x, m), h: (n_h, m), Wx: (n_h, n_x), Wh: (n_h, n_h), b: (n_h, 1)"""
    H = []
    for t in range(X.shape[0]):
        h = np.tanh(Wx @ X[t] + Wh @ h + b)
        H.append(h)
    return np.array(H), h
