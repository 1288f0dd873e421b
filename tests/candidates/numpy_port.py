# nn.RNN(batch_first=True) without torch, for the Raspberry Pi
import numpy as np


def rnn(x, weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, h_0):
    h = h_0[0]
    out = np.empty((x.shape[0], x.shape[1], h.shape[-1]), dtype=x.dtype)
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ weight_ih_l0.T + bias_ih_l0 + h @ weight_hh_l0.T + bias_hh_l0)
        out[:, t] = h
    return out, h[np.newaxis]
