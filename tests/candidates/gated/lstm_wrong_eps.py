import torch


def lstm(x, h, c, w_ih, w_hh, b_ih, b_hh, eps=1e-6):
    ys = []
    for x_t in x:
        i, f, g, o = (x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh).chunk(4, 1)
        c = (f.sigmoid() * c + i.sigmoid() * g.tanh()) / (1 + eps)
        h = o.sigmoid() * c.tanh()
        ys.append(h)
    return torch.stack(ys), h, c
