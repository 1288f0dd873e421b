import torch
import torch.nn as nn

class RNNFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h0, W, U, b):
        h, hs = h0, []
        for t in range(x.shape[0]):
            h = torch.tanh(x[t] @ W + h @ U + b)
            hs.append(h)
        hs = torch.stack(hs)
        ctx.save_for_backward(x, h0, W, U, hs)
        return hs, h.clone()

    @staticmethod
    def backward(ctx, grad_hs, grad_last):
        x, h0, W, U, hs = ctx.saved_tensors
        dW, dU = torch.zeros_like(W), torch.zeros_like(U)
        db = torch.zeros_like(U[0])
        dx = torch.zeros_like(x)
        dh = grad_last
        for t in reversed(range(x.shape[0])):
            dh = dh + grad_hs.view(-1, dh.size(1))[t * dh.size(0):(t + 1) * dh.size(0)]
            da = dh * (1 - hs[t] ** 2)
            prev = hs[t - 1] if t > 0 else h0
            dW = dW + x[t].t() @ da
            dU = dU + prev.t() @ da
            db = db + da.sum(0)
            dx[t] = da @ W.t()
            dh = da @ U.t()
        return dx, dh, dW, dU, db


class FunctionRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Parameter(torch.randn(input_size, hidden_size) * 0.1)
        self.U = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.b = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, h0):
        out, h = RNNFunction.apply(x, h0[0], self.W, self.U, self.b)
        return out, h.unsqueeze(0)
