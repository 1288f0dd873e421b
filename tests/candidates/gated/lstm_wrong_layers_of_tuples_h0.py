import torch


def lstm_layer(x, h, c, W_ih, W_hh, b_ih, b_hh):
    outs = []
    for x_t in x:
        gates = x_t @ W_ih.t() + b_ih + h @ W_hh.t() + b_hh
        i, f, g, o = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outs.append(h)
    return torch.stack(outs), h, c


def lstm(x, states, weights):
    """weights: a list of (W_ih, W_hh, b_ih, b_hh), one tuple a layer."""
    h0, c0 = states
    hs, cs = [], []
    for k, (W_ih, W_hh, b_ih, b_hh) in enumerate(weights):
        x, h, c = lstm_layer(x, h0[0], c0[k], W_ih, W_hh, b_ih, b_hh)
        hs.append(h)
        cs.append(c)
    return x, (torch.stack(hs), torch.stack(cs))
