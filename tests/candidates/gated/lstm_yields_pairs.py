import torch


def walk(x, h, c, W_ih, W_hh, b_ih, b_hh):
    for x_t in x:
        i, f, g, o = (x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        yield h, c


def collected(x, h, c, W_ih, W_hh, b_ih, b_hh):
    steps = []
    for h, c in walk(x, h, c, W_ih, W_hh, b_ih, b_hh):
        steps.append((h, c))
    return steps


def carries(x, carry, W_ih, W_hh, b_ih, b_hh):
    """the carry is (c, h), as in flax; and so is what is kept of each step"""
    c, h = carry
    return [(c, h) for h, c in walk(x, h, c, W_ih, W_hh, b_ih, b_hh)]
