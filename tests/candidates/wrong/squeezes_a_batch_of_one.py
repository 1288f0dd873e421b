import torch


def rnn(x, h, w_ih, w_hh, b_ih, b_hh):
    """x (N, L, I), h (N, H)"""
    out = []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t].squeeze() @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
        out.append(h)
    return torch.stack(out, 1).squeeze(), h.squeeze()
