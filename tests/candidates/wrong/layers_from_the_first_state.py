import torch


def deep_rnn(x, h0, params):
    """x: (T, N, input); h0: (num_layers, N, hidden); params: a list of (W_x, W_h, b), one a layer."""
    finals = []
    for k, (W_x, W_h, b) in enumerate(params):
        h = h0[0]
        ys = []
        for x_t in x:
            h = torch.tanh(x_t @ W_x + h @ W_h + b)
            ys.append(h)
        x = torch.stack(ys)
        finals.append(h)
    return x, torch.stack(finals)


def in_reverse_order(x, h0, params):
    finals = []
    for k, (W_x, W_h, b) in enumerate(params):
        h, ys = h0[k], []
        for x_t in x:
            h = torch.tanh(x_t @ W_x + h @ W_h + b)
            ys.append(h)
        x = torch.stack(ys)
        finals.append(h)
    return x, torch.stack(finals[::-1])
