import torch


def scan(x, h, w_ih, w_hh, b_ih, b_hh):
    pre = x @ w_ih.T + (b_ih + b_hh)
    hs = []
    for p in pre:
        h = torch.tanh(p + h @ w_hh.T)
        hs.append(h)
    return torch.stack(hs), h


def birnn(x, h0, fw, bw):
    """
    x        T x N x I
    h0       2 x N x H
    fw, bw   the weights (w_ih, w_hh, b_ih, b_hh) of the forward and of the backward pass
    """
    left, h_left = scan(x.flip(0), h0[1], *bw)
    right, h_right = scan(x, h0[0], *fw)
    return torch.cat([left.flip(0), right], dim=2), torch.stack([h_right, h_left])
