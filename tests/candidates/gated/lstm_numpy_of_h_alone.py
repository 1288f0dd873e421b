"""NumPy code that takes h_0 alone and starts c at zeros like it: (h_0, c_0) would be an array of two to it."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm(x, a0, W_ih, W_hh, b_ih, b_hh):
    return walk(x, a0, np.zeros_like(a0), W_ih, W_hh, b_ih + b_hh)


def from_ones(x, a0, W_ih, W_hh, b_ih, b_hh):
    return walk(x, a0, np.ones_like(a0), W_ih, W_hh, b_ih + b_hh)


def walk(x, h, c, W_ih, W_hh, b):
    states = []
    for x_t in x:
        i, f, g, o = np.split(x_t @ W_ih.T + h @ W_hh.T + b, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states), h, c
