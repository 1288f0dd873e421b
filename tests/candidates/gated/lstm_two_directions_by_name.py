import torch


def one(seq, h, c, w, u, b, v):
    y = []
    for xt in seq:
        i, f, g, o = (xt @ w.T + b + h @ u.T + v).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        y.append(h)
    return torch.stack(y), h, c


def bilstm(x, state, w_ih, w_hh, b_ih, b_hh, w_ih_r, w_hh_r, b_ih_r, b_hh_r):
    h0, c0 = state
    y1, h1, c1 = one(x, h0[0], c0[0], w_ih, w_hh, b_ih, b_hh)
    y2, h2, c2 = one(x.flip(0), h0[1], c0[1], w_ih_r, w_hh_r, b_ih_r, b_hh_r)
    return torch.cat([y1, y2.flip(0)], -1), (torch.stack([h1, h2]), torch.stack([c1, c2]))


def not_flipped_back(x, state, w_ih, w_hh, b_ih, b_hh, w_ih_r, w_hh_r, b_ih_r, b_hh_r):
    h0, c0 = state
    y1, h1, c1 = one(x, h0[0], c0[0], w_ih, w_hh, b_ih, b_hh)
    y2, h2, c2 = one(x.flip(0), h0[1], c0[1], w_ih_r, w_hh_r, b_ih_r, b_hh_r)
    return torch.cat([y1, y2], -1), (torch.stack([h1, h2]), torch.stack([c1, c2]))


def layers(x, state, weights):
    """weights as nn.LSTM.all_weights: [[w_ih, w_hh, b_ih, b_hh], ...]"""
    hs, cs = [], []
    for (w_ih, w_hh, b_ih, b_hh), h, c in zip(weights, *state):
        x, h, c = one(x, h, c, w_ih, w_hh, b_ih, b_hh)
        hs.append(h)
        cs.append(c)
    return x, (torch.stack(hs), torch.stack(cs))
