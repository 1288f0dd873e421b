import torch


def rnn(X, W, R, B, initial_h):
    """X (T, N, I), W (D, H, I), R (D, H, H), B (D, 2H), initial_h (D, N, H)."""
    D, H, _ = W.shape
    ys, finals = [], []
    for d in range(D):
        xs = torch.flip(X, [0]) if d else X
        h, y = initial_h[d], []
        for t in range(xs.size(0)):
            h = torch.tanh(xs[t] @ W[d].t() + h @ R[d].t() + B[d, :H] + B[d, H:])
            y.append(h)
        y = torch.stack(y)
        ys.append(torch.flip(y, [0]) if d else y)
        finals.append(h)
    return torch.cat(ys, 2), torch.stack(finals)


def swapped(X, W, R, B, initial_h):
    """X (T, N, I), W (D, H, I), R (D, H, H), B (D, 2H), initial_h (D, N, H); the reverse half of output first."""
    output, h_n = rnn(X, W, R, B, initial_h)
    return torch.cat(output.chunk(len(W), 2)[::-1], 2), h_n


def both_at_once(x, W, R, b, h0):
    """x (T, N, I), W (D, I, H), R (D, H, H), b (D, 1, H), h0 (D, N, H)."""
    D = W.shape[0]
    h, ys = h0, []
    for x_t in torch.stack([x, x.flip(0)][:D], 1):
        h = torch.tanh(torch.baddbmm(b, x_t, W) + torch.bmm(h, R))
        ys.append(h)
    y = torch.stack(ys)
    return torch.cat([y[:, 0], *([y[:, 1].flip(0)] if D == 2 else [])], -1), h


def both_forwards(x, W, R, b, h0):
    """x (T, N, I), W (D, I, H), R (D, H, H), b (D, 1, H), h0 (D, N, H); no direction is reversed."""
    D = W.shape[0]
    h, ys = h0, []
    for x_t in torch.stack([x, x][:D], 1):
        h = torch.tanh(torch.baddbmm(b, x_t, W) + torch.bmm(h, R))
        ys.append(h)
    y = torch.stack(ys)
    return torch.cat([y[:, 0], *([y[:, 1]] if D == 2 else [])], -1), h
