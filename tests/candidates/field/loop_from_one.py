import numpy as np


def forward(x, s0, U, W, b):
    """x: (N, T, D). s[:, 0] is the initial state."""
    N, T, _ = x.shape
    s = np.zeros((N, T, W.shape[0]))
    s[:, 0] = s0
    for t in range(1, T):
        s[:, t] = np.tanh(x[:, t] @ U.T + s[:, t - 1] @ W.T + b)
    return s, s[:, -1]
