import torch


def rnn(x, h_0, w_ih, w_hh, b_ih, b_hh):
    """x (L, N, I), h_0 (N, H)"""
    h = h_0.clone()
    out = []
    for x_t in x:
        h[:] = torch.tanh(x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
        out.append(h.clone())
    return torch.stack(out), h
