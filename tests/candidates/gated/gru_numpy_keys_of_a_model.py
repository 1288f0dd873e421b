import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-np.clip(x, -20, 20)))


def gru(x, h0, weights):
    """weights: the state_dict of a model as arrays, with the keys gru.weight_ih_l0 and so on"""
    h, ys = h0[0], []
    for x_t in x:
        r_x, z_x, n_x = np.split(x_t @ weights["gru.weight_ih_l0"].T + weights["gru.bias_ih_l0"], 3, axis=-1)
        r_h, z_h, n_h = np.split(h @ weights["gru.weight_hh_l0"].T + weights["gru.bias_hh_l0"], 3, axis=-1)
        r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
        n = np.tanh(n_x + r * n_h)
        h = (1.0 - z) * n + z * h
        ys.append(h)
    return np.stack(ys), h[None]
