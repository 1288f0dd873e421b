import torch


def lstm(X, h0, c0, W):
    h, c, out = h0, c0, []
    for x in X:
        i, f, o, g = (torch.cat([x, h, x.new_ones(len(x), 1)], 1) @ W).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        out.append(h)
    return torch.stack(out), h, c
