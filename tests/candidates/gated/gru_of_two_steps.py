"""A GRU that cannot take a single step."""

import torch


def gru(X, h, Wr, Ur, br, Wz, Uz, bz, Wn, Un, bn, cn):
    """X is T x B x D, h is 1 x B x H, all W are H x D, all U are H x H."""
    h = h[0]
    hs = []
    for x in X:
        r = torch.sigmoid(x @ Wr.T + h @ Ur.T + br)
        z = torch.sigmoid(x @ Wz.T + h @ Uz.T + bz)
        n = torch.tanh(x @ Wn.T + bn + r * (h @ Un.T + cn))
        h = (1 - z) * n + z * h
        hs.append(h)
    return torch.stack(hs), hs[-2][None]
