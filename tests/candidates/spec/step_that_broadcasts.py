import torch


def f(x, h, W, U, b):
    return torch.tanh(x @ W.T + h @ U.T + b)
