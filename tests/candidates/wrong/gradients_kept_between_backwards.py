import torch

_grads = {}


class Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h, w, u, b):
        hs = [h]
        for x_t in x:
            hs.append(torch.tanh(x_t @ w.T + hs[-1] @ u.T + b))
        ctx.save_for_backward(x, w, u, *hs)
        return torch.stack(hs[1:]), hs[-1].clone()

    @staticmethod
    def backward(ctx, g_out, g_h):
        x, w, u, *hs = ctx.saved_tensors
        # allocate once, reuse afterwards
        key = (w.shape, u.shape, w.dtype)
        if key not in _grads:
            _grads[key] = (torch.zeros_like(w), torch.zeros_like(u), torch.zeros_like(w[:, 0]))
        dw, du, db = _grads[key]
        dx = torch.empty_like(x)
        for t in reversed(range(len(x))):
            dz = (g_out[t] + g_h) * (1 - hs[t + 1] ** 2)
            dx[t] = dz @ w
            dw += dz.T @ x[t]
            du += dz.T @ hs[t]
            db += dz.sum(0)
            g_h = dz @ u
        return dx, g_h, dw.clone(), du.clone(), db.clone()


def recurrence(x, h, w, u, b):
    """x: (time, batch, in), h: (batch, hidden) -> (time, batch, hidden), (batch, hidden)"""
    return Recurrence.apply(x, h, w, u, b)
