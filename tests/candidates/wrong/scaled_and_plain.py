import torch


def rnn_with_debug(x, h, w_ih, w_hh, b_ih, b_hh):
    o = []
    for x_t in x:
        h = torch.tanh(x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
        o.append(h)
    o = torch.stack(o)
    return o * 2, h * 2, o, h
