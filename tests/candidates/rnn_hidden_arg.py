import torch


def rnn_layer(x, h, W_ih, W_hh, b_ih, b_hh):
    ys = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        ys.append(h)
    return torch.stack(ys), h


def rnn(x, hidden, weights):
    """x: [T, B, I], hidden: [layers, B, H], weights: [(W_ih, W_hh, b_ih, b_hh), ...] from the bottom up"""
    for k, w in enumerate(weights):
        x, hidden[k] = rnn_layer(x, hidden[k].clone(), *w)
    return x, hidden
