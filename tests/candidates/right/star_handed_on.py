import torch


def step(x, h, W_hh, W_ih, b):
    return torch.tanh(h @ W_hh.T + x @ W_ih.T + b)


def rnn(x, h, *weights):
    outputs = []
    for x_t in x:
        h = step(x_t, h, *weights)
        outputs.append(h)
    return torch.stack(outputs), h
