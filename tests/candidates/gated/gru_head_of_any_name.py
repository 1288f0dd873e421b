import torch


def gru(x, h, W_xr, W_hr, b_r, W_xz, W_hz, b_z, W_xn, W_hn, b_n, b_hn, W_pred, b_pred):
    hs, ys = [], []
    for xt in x:
        r = torch.sigmoid(xt @ W_xr + h @ W_hr + b_r)
        z = torch.sigmoid(xt @ W_xz + h @ W_hz + b_z)
        n = torch.tanh(xt @ W_xn + b_n + r * (h @ W_hn + b_hn))
        h = (1 - z) * n + z * h
        hs.append(h)
        ys.append(h @ W_pred + b_pred)
    return torch.stack(hs), torch.stack(ys), h
