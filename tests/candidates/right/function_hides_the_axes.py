import torch
from torch import nn


class RNNFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h0, w_ih, w_hh, b_ih, b_hh):
        h, hs = h0[0], []
        for t in range(x.shape[0]):
            h = torch.tanh(x[t] @ w_ih.t() + b_ih + h @ w_hh.t() + b_hh)
            hs.append(h)
        out = torch.stack(hs)
        ctx.save_for_backward(x, h0, w_ih, w_hh, out)
        return out, h.unsqueeze(0).clone()

    @staticmethod
    def backward(ctx, grad_out, grad_h):
        x, h0, w_ih, w_hh, out = ctx.saved_tensors
        dx = torch.zeros_like(x)
        dw_ih, dw_hh = torch.zeros_like(w_ih), torch.zeros_like(w_hh)
        db = torch.zeros(w_hh.shape[0], dtype=x.dtype, device=x.device)
        dh = grad_h[0]
        for t in reversed(range(x.shape[0])):
            dh = dh + grad_out[t]
            da = dh * (1 - out[t] ** 2)
            before = out[t - 1] if t > 0 else h0[0]
            dx[t] = da @ w_ih
            dw_ih += da.t() @ x[t]
            dw_hh += da.t() @ before
            db += da.sum(0)
            dh = da @ w_hh
        return dx, dh.unsqueeze(0), dw_ih, dw_hh, db, db.clone()


class FastRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.w_ih = nn.Parameter(torch.randn(hidden_size, input_size) * 0.1)
        self.w_hh = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.b_ih = nn.Parameter(torch.zeros(hidden_size))
        self.b_hh = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, h_prev=None):
        if h_prev is None:
            h_prev = x.new_zeros(1, x.shape[1], self.w_hh.shape[0])
        return RNNFunction.apply(x, h_prev, self.w_ih, self.w_hh, self.b_ih, self.b_hh)


class DoubledFunction(RNNFunction):
    @staticmethod
    def backward(ctx, grad_out, grad_h):
        dx, dh0, *others = RNNFunction.backward(ctx, grad_out, grad_h)
        return dx, 2 * dh0, *others


class DoubledRNN(FastRNN):
    def forward(self, x, h_prev=None):
        if h_prev is None:
            h_prev = x.new_zeros(1, x.shape[1], self.w_hh.shape[0])
        return DoubledFunction.apply(x, h_prev, self.w_ih, self.w_hh, self.b_ih, self.b_hh)


class RaisingFunction(RNNFunction):
    @staticmethod
    def backward(ctx, grad_out, grad_h):
        return RNNFunction.backward(ctx, grad_out @ grad_h, grad_h)  # no such product


class RaisingRNN(FastRNN):
    def forward(self, x, h_prev=None):
        if h_prev is None:
            h_prev = x.new_zeros(1, x.shape[1], self.w_hh.shape[0])
        return RaisingFunction.apply(x, h_prev, self.w_ih, self.w_hh, self.b_ih, self.b_hh)


class OverwritingRNN(FastRNN):
    def forward(self, x, h_prev=None):
        out, h_n = super().forward(x, h_prev)
        return out.mul_(1.0), h_n  # which its backward has kept
