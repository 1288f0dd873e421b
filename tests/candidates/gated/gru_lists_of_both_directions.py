import torch


def bigru(x, h0, W_ih, W_hh, b_ih, b_hh):
    """lists of layer 0 forward, layer 0 reverse, layer 1 forward, and so on"""
    ends = []
    for k in range(0, len(W_ih), 2):
        y, h = walk(x, h0[k], W_ih[k], W_hh[k], b_ih[k], b_hh[k])
        back, last = walk(x.flip(0), h0[k + 1], W_ih[k + 1], W_hh[k + 1], b_ih[k + 1], b_hh[k + 1])
        x = torch.cat([y, back.flip(0)], -1)
        ends += [h, last]
    return x, torch.stack(ends)


def first_states_in_all(x, h0, W_ih, W_hh, b_ih, b_hh):
    ends = []
    for k in range(0, len(W_ih), 2):
        y, h = walk(x, h0[0], W_ih[k], W_hh[k], b_ih[k], b_hh[k])
        back, last = walk(x.flip(0), h0[1], W_ih[k + 1], W_hh[k + 1], b_ih[k + 1], b_hh[k + 1])
        x = torch.cat([y, back.flip(0)], -1)
        ends += [h, last]
    return x, torch.stack(ends)


def as_asked(x, h0, W_ih, W_hh, b_ih, b_hh, bidirectional=False):
    if bidirectional:
        return bigru(x, h0, W_ih, W_hh, b_ih, b_hh)
    ends = []
    for k in range(len(W_ih)):
        x, h = walk(x, h0[k], W_ih[k], W_hh[k], b_ih[k], b_hh[k])
        ends.append(h)
    return x, torch.stack(ends)


def walk(x, h, W, U, b, c):
    ys = []
    for x_t in x:
        r_x, z_x, n_x = torch.tensor_split(x_t @ W.T + b, 3, -1)
        r_h, z_h, n_h = torch.tensor_split(h @ U.T + c, 3, -1)
        h = torch.lerp(torch.tanh(n_x + torch.sigmoid(r_x + r_h) * n_h), h, torch.sigmoid(z_x + z_h))
        ys.append(h)
    return torch.stack(ys), h
