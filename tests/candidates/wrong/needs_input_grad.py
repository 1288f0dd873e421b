import torch


class _RNN(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h, w_ih, w_hh, b_ih, b_hh):
        hs = [h]
        for x_t in x:
            hs.append(torch.tanh(x_t @ w_ih.T + b_ih + hs[-1] @ w_hh.T + b_hh))
        ctx.save_for_backward(x, w_ih, w_hh, *hs)
        return torch.stack(hs[1:]), hs[-1].clone()

    @staticmethod
    def backward(ctx, g_out, g_h):
        x, w_ih, w_hh, *hs = ctx.saved_tensors
        if not ctx.needs_input_grad[0]:  # nothing to do
            return None, None, None, None, None, None
        dx, dw, du, db = torch.zeros_like(x), torch.zeros_like(w_ih), torch.zeros_like(w_hh), 0
        for t in reversed(range(len(x))):
            dz = (g_out[t] + g_h) * (1 - hs[t + 1] ** 2)
            dx[t] = dz @ w_ih
            dw += dz.T @ x[t]
            du += dz.T @ hs[t]
            db = db + dz.sum(0)
            g_h = dz @ w_hh
        return dx, g_h, dw, du, db, db


def fused_rnn(x, h, w_ih, w_hh, b_ih, b_hh):
    """x (L, N, I), h (N, H)"""
    return _RNN.apply(x, h, w_ih, w_hh, b_ih, b_hh)
