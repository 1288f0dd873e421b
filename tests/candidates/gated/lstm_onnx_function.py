import torch


def _directions(X, W, R, B, initial_h, initial_c, order, halves):
    ys, hs, cs, H = [], [], [], R.shape[-1]
    for d in range(W.shape[0]):
        Wb, Rb = halves(B, d, H)
        h, c, y = initial_h[d], initial_c[d], [None] * len(X)
        for t in order(d, len(X)):
            gates = X[t] @ W[d].mT + h @ R[d].mT + Wb + Rb
            i, o, f, g = gates.chunk(4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            y[t] = h
        ys.append(torch.stack(y))
        hs.append(h)
        cs.append(c)
    return torch.cat(ys, dim=-1), torch.stack(hs), torch.stack(cs)


def _reversed(d, steps):
    return range(steps)[::-1] if d else range(steps)


def _own(B, d, H):
    return B[d, : 4 * H], B[d, 4 * H :]


def lstm(X, W, R, B, initial_h, initial_c):
    """W (D, 4H, I), R (D, 4H, H), B (D, 8H), gates in ONNX's order: i, o, f, c."""
    return _directions(X, W, R, B, initial_h, initial_c, _reversed, _own)


def both_forwards(X, W, R, B, initial_h, initial_c):
    """W (D, 4H, I), R (D, 4H, H), B (D, 8H), gates in ONNX's order: i, o, f, c."""
    return _directions(X, W, R, B, initial_h, initial_c, lambda d, steps: range(steps), _own)


def first_bias_alone(X, W, R, B, initial_h, initial_c):
    """W (D, 4H, I), R (D, 4H, H), B (D, 8H), gates in ONNX's order: i, o, f, c."""
    return _directions(X, W, R, B, initial_h, initial_c, _reversed, lambda B, d, H: _own(B, 0, H))
