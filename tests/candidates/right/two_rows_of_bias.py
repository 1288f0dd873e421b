import torch


def rnn(x, h, W, R, b):
    """x (L, N, I), h (N, H), W (H, I), R (H, H), b (2, H)"""
    n = h.shape[-1]
    ys = []
    for x_t in x:
        h = torch.tanh(x_t @ W.T + h @ R.T + b[0] + b[1])
        ys.append(h)
    return torch.stack(ys), h
