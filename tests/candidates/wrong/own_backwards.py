import torch
from torch import nn


class Walk(torch.autograd.Function):
    """A backward of its own: each class below takes the gradient of the outputs in a way of its own."""

    @staticmethod
    def forward(ctx, x, h0, W, U, b):
        h, hs = h0, []
        for t in range(x.shape[0]):
            h = torch.tanh(x[t] @ W + h @ U + b)
            hs.append(h)
        hs = torch.stack(hs)
        ctx.save_for_backward(x, h0, W, U, hs)
        return hs, h.clone()

    @classmethod
    def walked_back(cls, ctx, grad_hs, grad_last):
        x, h0, W, U, hs = ctx.saved_tensors
        dx, dW, dU, db, dh = torch.zeros_like(x), 0, 0, 0, grad_last
        for t in reversed(range(x.shape[0])):
            da = cls.total(grad_hs, t, dh) * (1 - hs[t] ** 2)
            dW = dW + x[t].t() @ da
            dU = dU + (hs[t - 1] if t > 0 else h0).t() @ da
            db = db + da.sum(0)
            dx[t] = da @ W.t()
            dh = da @ U.t()
        return dx, dh, dW, dU, db


class WritingWalk(Walk):
    @staticmethod
    def total(grad_hs, t, dh):
        g = grad_hs[t]
        g += dh
        return g

    @staticmethod
    def backward(ctx, *grads):
        return WritingWalk.walked_back(ctx, *grads)


class ViewingWalk(Walk):
    @staticmethod
    def total(grad_hs, t, dh):
        rows = dh.size(0)
        return dh + grad_hs.view(-1, dh.size(1))[t * rows : (t + 1) * rows]

    @staticmethod
    def backward(ctx, *grads):
        return ViewingWalk.walked_back(ctx, *grads)


class FrozenWalk(Walk):
    @staticmethod
    def total(grad_hs, t, dh):
        return dh + grad_hs[t]

    @staticmethod
    def backward(ctx, *grads):
        needed = ctx.needs_input_grad[2]
        return FrozenWalk.walked_back(ctx, *grads) if needed else (None, None, None, None, None)


class RNN(nn.Module):
    walk = None

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Parameter(torch.randn(input_size, hidden_size) * 0.1)
        self.U = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.b = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, h0):
        out, h = self.walk.apply(x, h0[0], self.W, self.U, self.b)
        return out, h.unsqueeze(0)


class Writing(RNN):
    walk = WritingWalk


class Viewing(RNN):
    walk = ViewingWalk


class Frozen(RNN):
    walk = FrozenWalk
