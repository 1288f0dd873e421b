import torch


def rnn(x, h, W_xh, W_hh, b_xh, b_hh):
    """
    x: one sequence, (T, D)
    h: (H,)
    W_xh: (H, D), W_hh: (H, H)
    """
    assert x.dim() == 2 and h.dim() == 1
    hs = []
    for x_t in x:
        h = torch.tanh(torch.mv(W_xh, x_t) + b_xh + torch.mv(W_hh, h) + b_hh)
        hs.append(h)
    return torch.stack(hs), h
