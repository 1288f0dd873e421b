import torch


def lstm(x, c0, h0, W_ih, W_hh, b_ih, b_hh):
    h, c = h0[0], c0[0]
    ys = []
    for x_t in x:
        gates = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh
        i, f, g, o = gates.chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        ys.append(h)
    return torch.stack(ys), (h.unsqueeze(0), c.unsqueeze(0))
