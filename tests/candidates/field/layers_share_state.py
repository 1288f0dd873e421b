import torch


def deep_rnn(x, h0, layers):
    """x (L, N, I), h0 (n, N, H), layers: a list of (w_ih, w_hh, b_ih, b_hh)"""
    h = h0[0]
    last = []
    for w_ih, w_hh, b_ih, b_hh in layers:
        out = []
        for x_t in x:
            h = torch.tanh(x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
            out.append(h)
        x = torch.stack(out)
        last.append(h)
    return x, torch.stack(last)
