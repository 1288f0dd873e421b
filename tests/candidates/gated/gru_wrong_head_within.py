import torch


def gru(x, h, params):
    W_x, W_h, b_x, b_h, W_hq, b_q = params
    out = []
    for xt in x:
        xr, xz, xn = (xt @ W_x.T + b_x).chunk(3, -1)
        hr, hz, hn = (h @ W_h.T + b_h).chunk(3, -1)
        r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        h = ((1 - z) * torch.tanh(xn + r * hn) + z * h) @ W_hq + b_q
        out.append(h)
    return torch.stack(out), h
