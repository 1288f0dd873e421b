import torch


def gru(x, h, W, U, b, c):
    """W: (3, I, H), U: (3, H, H), b, c: (3, H). Gates: reset, update, new."""
    Wr, Wz, Wn = W
    Ur, Uz, Un = U
    br, bz, bn = b
    cr, cz, cn = c
    hs = []
    for xt in x.unbind(0):
        r = torch.sigmoid(xt @ Wr + br + h @ Ur + cr)
        z = torch.sigmoid(xt @ Wz + bz + h @ Uz + cz)
        n = torch.tanh(xt @ Wn + bn + r * (h @ Un + cn))
        h = (1 - z) * n + z * h
        hs.append(h)
    return torch.stack(hs, 0), h
