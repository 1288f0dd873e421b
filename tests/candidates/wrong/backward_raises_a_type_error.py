"""A backward of its own that forgets a value: it raises, and nothing is written in place."""

import torch


class Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.kept = None
        return z.tanh()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * (1 - ctx.kept * ctx.kept)


def rnn(x, h, W_ih, W_hh, b_ih, b_hh):
    out = []
    for x_t in x:
        h = Tanh.apply(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        out.append(h)
    return torch.stack(out), h
