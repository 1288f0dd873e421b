import torch


def rnn(x, w_ih, w_hh, b_ih, b_hh, h_0=None):
    """x (L, N, I), h_0 (N, H)"""
    if h_0 is None:
        h_0 = torch.randn(x.shape[1], w_hh.shape[0], dtype=x.dtype, device=x.device)
    h = h_0
    out = []
    for x_t in x:
        h = torch.tanh(x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
        out.append(h)
    return torch.stack(out), h
