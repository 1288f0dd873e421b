import numpy as np
def sig(a):
    return 1 / (1 + np.exp(-a))
def gru(x, h, w_ih, w_hh, b_ih, b_hh):
    """x (T, N, D), h (N, H)"""
    H = h.shape[1]
    ys = np.empty((len(x),) + h.shape, h.dtype)
    for t in range(len(x)):
        gx, gh = x[t] @ w_ih.T + b_ih, h @ w_hh.T + b_hh
        r, z = sig(gx[:, :H] + gh[:, :H]), sig(gx[:, H:2*H] + gh[:, H:2*H])
        n = np.tanh(gx[:, 2*H:] + r * gh[:, 2*H:])
        h *= z
        h += (1 - z) * n
        ys[t] = h
    return ys, h
