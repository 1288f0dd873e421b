import torch


def bi(x, h_0, fw, bw):
    """x (L, N, I), h_0 (2, N, H), fw and bw: W, U, b, c"""
    halves, last = [], []
    for d, (W, U, b, c) in enumerate((fw, bw)):
        h = torch.zeros_like(h_0[d])
        ys = []
        for x_t in x.flip(0) if d else x:
            h = torch.tanh(x_t @ W.T + b + h @ U.T + c)
            ys.append(h)
        y = torch.stack(ys)
        halves.append(y.flip(0) if d else y)
        last.append(h)
    return torch.cat(halves[::-1], -1), torch.stack(last)
