import torch


def encode(x, h0, Wx, Wh, b):
    """Fold a sequence (time, batch, features) into one vector per sample, (batch, hidden)."""
    h = h0
    for x_t in x:
        h = torch.tanh(x_t @ Wx.T + h @ Wh.T + b)
    return h
