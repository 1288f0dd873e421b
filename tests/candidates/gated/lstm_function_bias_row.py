import torch


def lstm(X, WLSTM, c0, h0):
    """X (n, b, d_in); WLSTM (1 + d_in + d, 4 d), the first row the bias."""
    n, b, _ = X.shape
    ones = X.new_ones(b, 1)
    h, c, out = h0, c0, []
    for t in range(n):
        a = torch.cat([ones, X[t], h], dim=1) @ WLSTM
        i, f, o, g = a.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        out.append(h)
    return torch.stack(out), (h, c)
