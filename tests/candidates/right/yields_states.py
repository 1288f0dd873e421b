import torch


def states(x, h, W_ih, W_hh, b_ih, b_hh):
    """x (T, batch, features); yields h after every step"""
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        yield h


def states_batch_first(x, h, W_ih, W_hh, b_ih, b_hh):
    """x (batch, T, features)"""
    for t in range(x.size(1)):
        h = torch.tanh(x[:, t] @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        yield h
