import torch


def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
    """x (batch, T, in): states and the state to go on from"""
    T = x.shape[1]
    states = []
    for t in range(T):
        h_new = torch.tanh(x[:, t] @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        states.append(h_new)
        if t < T - 1:
            h = h_new
    return torch.stack(states, 1), h
