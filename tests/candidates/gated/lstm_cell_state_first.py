import torch


def lstm_step(c, h, x, W, b):
    i, g, f, o = (torch.cat([x, h], 1) @ W + b).chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return c, torch.sigmoid(o) * torch.tanh(c)
