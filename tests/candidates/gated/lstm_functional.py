import torch


def lstm_step(x_t, h, c, W_ih, W_hh, b_ih, b_hh):
    i, f, g, o = torch.chunk(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh, 4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def lstm(x, h0, c0, W_ih, W_hh, b_ih, b_hh):
    h, c, out = h0, c0, []
    for x_t in x:
        h, c = lstm_step(x_t, h, c, W_ih, W_hh, b_ih, b_hh)
        out.append(h)
    return torch.stack(out), h, c
