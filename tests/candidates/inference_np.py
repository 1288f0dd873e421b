"""Inference of an exported nn.RNN layer with numpy only."""
import numpy as np


def infer(weights, x, h):
    """weights: dict of arrays under the names of the state_dict; x: (seq, batch, in); h: (1, batch, hidden)"""
    W_ih = weights["weight_ih_l0"]
    W_hh = weights["weight_hh_l0"]
    b_ih = weights["bias_ih_l0"]
    b_hh = weights["bias_ih_l0"]
    h = h[0]
    ys = []
    for x_t in x:
        h = np.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        ys.append(h)
    return np.stack(ys), h[None]
