"""Keys of one's own that end in a suffix, which a list of two has for both directions."""

import torch


def gru(x, h0, p, bidirectional=False):
    outs, last = [], []
    for k, s in enumerate(["", "_rev"] if bidirectional else [""]):
        h, ys = h0[k], []
        for x_t in (x.flip(0) if s else x):
            a, b = x_t @ p["W_ih" + s].T + p["b_ih" + s], h @ p["W_hh" + s].T + p["b_hh" + s]
            (ar, az, an), (br, bz, bn) = a.chunk(3, -1), b.chunk(3, -1)
            r, z = torch.sigmoid(ar + br), torch.sigmoid(az + bz)
            h = (1 - z) * torch.tanh(an + r * bn) + z * h
            ys.append(h)
        outs.append(torch.stack(ys[::-1] if s else ys))
        last.append(h)
    return torch.cat(outs, -1), torch.stack(last)
