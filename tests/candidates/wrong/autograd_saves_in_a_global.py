import torch

CACHE = {}


class ElmanFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h0, Wx, Wh, b):
        h, hs = h0, []
        for x_t in x:
            h = torch.tanh(x_t @ Wx + h @ Wh + b)
            hs.append(h)
        CACHE.update(x=x, h0=h0, Wx=Wx, Wh=Wh, hs=hs)
        return torch.stack(hs)

    @staticmethod
    def backward(ctx, grad):
        x, h0, Wx, Wh, hs = (CACHE[k] for k in ("x", "h0", "Wx", "Wh", "hs"))
        gWx, gWh, gb = torch.zeros_like(Wx), torch.zeros_like(Wh), torch.zeros_like(Wx[0])
        gx, gh = torch.empty_like(x), torch.zeros_like(h0)
        for t in range(len(x) - 1, -1, -1):
            gz = (gh + grad[t]) * (1 - hs[t] ** 2)
            gWx += x[t].T @ gz
            gWh += (hs[t - 1] if t else h0).T @ gz
            gb += gz.sum(0)
            gx[t] = gz @ Wx.T
            gh = gz @ Wh.T
        return gx, gh, gWx, gWh, gb


def elman(x, h0, Wx, Wh, b):
    """x: (T, N, D), h0: (N, H), Wx: (D, H), Wh: (H, H), b: (H,)"""
    hs = ElmanFn.apply(x, h0, Wx, Wh, b)
    return hs, hs[-1]
