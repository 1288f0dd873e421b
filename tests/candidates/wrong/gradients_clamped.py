import torch


def elman(x, h, w_ih, w_hh, b_ih, b_hh):
    """x (T, N, I), h (N, H). Graves clips what flows back at every step."""
    ys = []
    for x_t in x:
        h = torch.tanh(x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
        if h.requires_grad:
            h.register_hook(lambda grad: grad.clamp(-10.0, 10.0))
        ys.append(h)
    return torch.stack(ys), h
