import torch


class ElmanFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h, w, u, b):
        ctx.set_materialize_grads(False)
        hs = [h]
        for x_t in x:
            hs.append(torch.tanh(x_t @ w.T + hs[-1] @ u.T + b))
        ctx.save_for_backward(x, w, u, *hs)
        return torch.stack(hs[1:]), hs[-1].clone()

    @staticmethod
    def backward(ctx, g_out, g_h):
        x, w, u, *hs = ctx.saved_tensors
        dx, dw, du, db = torch.zeros_like(x), torch.zeros_like(w), torch.zeros_like(u), torch.zeros_like(w[:, 0])
        if g_out is None:
            return dx, torch.zeros_like(hs[0]), dw, du, db
        if g_h is None:
            g_h = torch.zeros_like(hs[0])
        for t in range(len(x) - 1, -1, -1):
            dz = (g_out[t] + g_h) * (1 - hs[t + 1] * hs[t + 1])
            dx[t] = dz @ w
            dw += dz.T @ x[t]
            du += dz.T @ hs[t]
            db = db + dz.sum(0)
            g_h = dz @ u
        return dx, g_h, dw, du, db


def elman(x, h, w, u, b):
    # x (T, B, F), h (B, H)
    return ElmanFunction.apply(x, h, w, u, b)
