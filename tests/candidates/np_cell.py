import numpy as np


def rnn_cell(x, h_prev, W_xh, W_hh, b_h):
    """x: (batch, features), h_prev: (batch, units) -> new hidden state (batch, units)"""
    xh = np.matmul(x, W_xh)
    hh = np.matmul(h_prev, W_hh)
    return np.tanh(xh + hh + b_h)
