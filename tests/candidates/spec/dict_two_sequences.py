import torch


def run(x, h, w_ih, w_hh, b_ih, b_hh):
    """x (L, N, I), h (N, H)"""
    a, b = [], []
    for x_t in x:
        z = x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh
        h = torch.tanh(z)
        a.append(z)
        b.append(h)
    return {"a": torch.stack(a), "b": torch.stack(b)}
