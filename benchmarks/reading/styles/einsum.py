import torch


def rnn(x, wih, whh, bih, bhh, h0):
    """x: n t i, h0: 1 n h -> n t h, 1 n h"""
    xs = torch.einsum("nti,hi->nth", x, wih) + bih + bhh
    h = h0[0]
    hs = []
    for t in range(xs.shape[1]):
        h = torch.tanh(xs[:, t] + torch.einsum("ng,hg->nh", h, whh))
        hs.append(h)
    y = torch.stack(hs, 1)
    return y, h[None]
