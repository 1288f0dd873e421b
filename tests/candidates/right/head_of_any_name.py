import numpy as np
import torch
from torch import nn


def with_predictions(x, h, Wx, Wh, b, W_pred, b_pred):
    """x (T, N, D), h (N, H)"""
    hs, ys = [], []
    for xt in x:
        h = np.tanh(xt @ Wx + h @ Wh + b)
        hs.append(h)
        ys.append(h @ W_pred + b_pred)
    return np.stack(hs), np.stack(ys), h


def with_a_dict(x, h, p):
    ys = []
    for xt in x:
        h = np.tanh(xt @ p["Wx"] + h @ p["Wh"] + p["b"])
        ys.append(h @ p["Wd"] + p["bd"])
    return np.stack(ys), h


def of_the_book(x, h, U, W, V, b, c):
    """a = b + W h + U x, h = tanh(a), o = c + V h"""
    hs, os = [], []
    for xt in x:
        h = np.tanh(b + h @ W + xt @ U)
        hs.append(h)
        os.append(c + h @ V)
    return np.stack(hs), np.stack(os), h


class Predictor(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        self.pred = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        ys = []
        for xt in x:
            h = torch.tanh(self.x2h(xt) + self.h2h(h))
            ys.append(self.pred(h))
        return torch.stack(ys), h
