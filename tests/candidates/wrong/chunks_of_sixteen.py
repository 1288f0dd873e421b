import torch


def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
    """Scans in chunks of 16 steps; the chunk border hands on the state before the last step."""
    ys = []
    for start in range(0, len(x), 16):
        before = h
        for x_t in x[start:start + 16]:
            before, h = h, torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
            ys.append(h)
        if start + 16 < len(x):
            h = before
    return torch.stack(ys), h
