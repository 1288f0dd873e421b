"""Writes each state into h_0, and leaves b_hh out."""

import torch


def rnn(x, h_0, w_ih, w_hh, b_ih, b_hh):
    h, states = h_0[0], []
    for x_t in x:
        h.copy_(torch.tanh(x_t @ w_ih.T + b_ih + h @ w_hh.T))
        states.append(h.clone())
    return torch.stack(states), h[None].clone()
