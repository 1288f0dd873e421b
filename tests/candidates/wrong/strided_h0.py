import torch


def rnn(x, h_0, w_ih, w_hh, b_ih, b_hh):
    """x (L, N, I), h_0 (1, N, H)"""
    N, H = x.shape[1], w_hh.shape[0]
    h = torch.as_strided(h_0, (N, H), (H, 1), h_0.storage_offset())  # as the kernel reads it
    out = []
    for x_t in x:
        h = torch.tanh(x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
        out.append(h)
    return torch.stack(out), h.unsqueeze(0)
