import torch


def birnn(x, Wf, Uf, bf, Wb, Ub, bb):
    """x (T, N, D); the forward and the backward pass, both from zeros"""
    T, N, _ = x.shape
    H = Uf.shape[0]
    hf, hb = torch.zeros(N, H), torch.zeros(N, H)
    out = torch.zeros(T, N, 2 * H)
    for t in range(T):
        hf = torch.tanh(x[t] @ Wf.T + hf @ Uf.T + bf)
        hb = torch.tanh(x[T - 1 - t] @ Wb.T + hb @ Ub.T + bb)
        out[t, :, :H] = hf
        out[T - 1 - t, :, H:] = hb
    return out, torch.stack([out[-1, :, :H], out[-1, :, H:]])
