import torch


def sweep(x, h, w, u, b, c):
    hs = []
    for x_t in x:
        h = torch.tanh(x_t @ w.T + b + h @ u.T + c)
        hs.append(h)
    return torch.stack(hs), h


def birnn(x, h0, w_f, u_f, bw_f, bu_f, w_b, u_b, bw_b, bu_b):
    """Bidirectional RNN over x (L, N, F) from h0 (2, N, H): (L, N, 2H) and (2, N, H)."""
    out_f, h_f = sweep(x, h0[0], w_f, u_f, bw_f, bu_f)
    out_b, h_b = sweep(x.flip(0), h0[1], w_b, u_b, bw_b, bu_b)
    return torch.cat([out_f, out_b.flip(0)], -1), (h_f, h_b)
