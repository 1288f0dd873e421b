import torch


def walk(x, state, W_ih, W_hh, b_ih, b_hh):
    h, c = state[0][0], state[1][0]
    states = []
    for x_t in x:
        before = c
        i, f, g, o = (x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        states.append((h, c, before))
    return states


def lstm(x, state, W_ih, W_hh, b_ih, b_hh):
    return [(h, c) for h, c, _ in walk(x, state, W_ih, W_hh, b_ih, b_hh)]


def stale(x, state, W_ih, W_hh, b_ih, b_hh):
    return [(h, before) for h, _, before in walk(x, state, W_ih, W_hh, b_ih, b_hh)]
