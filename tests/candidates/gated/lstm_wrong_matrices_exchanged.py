import torch


def lstm_T(x, h, c, W_ih, W_hh, b_ih, b_hh):
    out = []
    for xt in x:
        a = h @ W_ih.T + b_ih + xt @ W_hh.T + b_hh
        n = a.shape[1] // 4
        i, f, g, o = a[:, :n].sigmoid(), a[:, n:2 * n].sigmoid(), a[:, 2 * n:3 * n].tanh(), a[:, 3 * n:].sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        out.append(h)
    return torch.stack(out), h, c
