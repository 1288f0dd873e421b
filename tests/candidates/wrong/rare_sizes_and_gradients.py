"""Wrong at sizes that a case need not have, or in the gradients of states near their limits."""

import torch


class Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        y = torch.tanh(a)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return torch.where(y.abs() > 0.999, torch.zeros_like(g), g * (1 - y * y))


def saturated(x, h, W_ih, W_hh, b_ih, b_hh):
    states = []
    for x_t in x:
        h = Tanh.apply(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        states.append(h)
    return torch.stack(states), h


def odd(x, h, W_ih, W_hh, b_ih, b_hh):
    states, half = [], (W_hh.shape[0] + 1) // 2
    for x_t in x:
        a = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh
        h = torch.tanh(torch.cat([a[:, :half], a[:, -half:]], 1))[:, : W_hh.shape[0]]
        states.append(h)
    return torch.stack(states), h


def blocks(x, h, W_ih, W_hh, b_ih, b_hh):
    states = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h[:, :64] @ W_hh[:, :64].T + b_hh)
        states.append(h)
    return torch.stack(states), h
