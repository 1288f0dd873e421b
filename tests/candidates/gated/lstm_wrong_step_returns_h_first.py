import torch


def lstm_step(c, h, x, W, b):
    """Takes the state as (c, h) and gives it back as (h, c); W (H_in + H, 4 H): i, g, f, o."""
    i, g, f, o = torch.split(torch.cat([x, h], dim=1) @ W + b, h.shape[1], dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, c
