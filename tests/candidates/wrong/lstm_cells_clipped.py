import torch

CELL_CLIP = 50.0


def lstm(x, state, w_ih, w_hh, b_ih, b_hh):
    """x (T, N, I), state (h, c) of (N, H), with the cell clip of TensorFlow's LSTMCell."""
    h, c = state
    ys = []
    for x_t in x:
        i, f, g, o = (x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh).chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        c = c.clamp(-CELL_CLIP, CELL_CLIP)
        h = o.sigmoid() * c.tanh()
        ys.append(h)
    return torch.stack(ys), (h, c)
