import torch


def onnx_gru(X, W, R, B, initial_h):
    """W (1, 3h, in), R (1, 3h, h), B (1, 6h)."""
    hs = R.shape[-1]
    Wb, Rb = B[0][: 3 * hs], B[0][3 * hs :]
    h, ys = initial_h[0], []
    for x in X:
        gx, gh = x @ W[0].T + Wb, h @ R[0].T + Rb
        z = torch.sigmoid(gx[:, :hs] + gh[:, :hs])
        r = torch.sigmoid(gx[:, hs : 2 * hs] + gh[:, hs : 2 * hs])
        n = torch.tanh(gx[:, 2 * hs :] + r * gh[:, 2 * hs :])
        h = (1 - z) * n + z * h
        ys.append(h)
    return torch.stack(ys), h[None]
