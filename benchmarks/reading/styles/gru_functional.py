import torch


def gru_forward(x, h, w_ih, w_hh, b_ih, b_hh):
    """x (T, N, I), h (N, H); weights as in torch.nn.GRU. Returns ys (T, N, H), h."""
    H = w_hh.shape[1]
    ys = []
    for t in range(x.shape[0]):
        gi = x[t] @ w_ih.T + b_ih
        gh = h @ w_hh.T + b_hh
        r = torch.sigmoid(gi[:, :H] + gh[:, :H])
        z = torch.sigmoid(gi[:, H : 2 * H] + gh[:, H : 2 * H])
        n = torch.tanh(gi[:, 2 * H :] + r * gh[:, 2 * H :])
        h = n + z * (h - n)
        ys.append(h)
    return torch.stack(ys), h
