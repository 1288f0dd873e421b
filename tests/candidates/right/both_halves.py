import torch


def one_way(x, h, w_ih, w_hh, b_ih, b_hh):
    ys = []
    for x_t in x:
        h = torch.tanh(x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
        ys.append(h)
    return torch.stack(ys), h


def birnn(x, h0, fwd, bwd):
    """x (L, N, I), h0 (2, N, H), fwd and bwd: (w_ih, w_hh, b_ih, b_hh)"""
    yf, hf = one_way(x, h0[0], *fwd)
    yb, hb = one_way(x.flip(0), h0[1], *bwd)
    out = torch.cat([yf, yb.flip(0)], -1)
    return out, torch.stack([hf, hb])
