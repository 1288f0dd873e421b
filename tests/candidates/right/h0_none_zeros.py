import torch


def rnn(x, w_ih, w_hh, b_ih, b_hh, h_0=None):
    """x (L, N, I), h_0 (1, N, H)"""
    h = x.new_zeros(x.shape[1], w_hh.shape[0]) if h_0 is None else h_0.squeeze(0)
    out = []
    for x_t in x:
        h = torch.tanh(x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
        out.append(h)
    return torch.stack(out), h.unsqueeze(0)
