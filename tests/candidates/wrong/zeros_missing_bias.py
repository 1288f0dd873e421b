import torch


def rnn_forward(x, h, W_ih, W_hh, b_ih, b_hh):
    n, t, _ = x.shape
    out = torch.zeros(n, t, h.shape[-1])
    for i in range(t):
        h = torch.tanh(x[:, i] @ W_ih.T + b_ih + h @ W_hh.T)
        out[:, i] = h
    return out, h
