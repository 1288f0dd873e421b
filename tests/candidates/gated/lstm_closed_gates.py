import torch


def sigmoid(a):
    return 0.5 * (1 + torch.tanh(a / 2))


def tanh(a):
    return 2 * torch.sigmoid(2 * a) - 1


def lstm(x, h, c, W_ih, W_hh, b_ih, b_hh):
    """Right, and as small as the rounding of 1 where a gate is closed."""
    out = []
    for x_t in x:
        i, f, g, o = (x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh).chunk(4, -1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        out.append(h)
    return torch.stack(out), h, c
