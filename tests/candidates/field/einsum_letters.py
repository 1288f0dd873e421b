import torch


def elman(x, h, Wi, Wr, bi, br):
    """x: [batch, time, features]"""
    B, T, F = x.shape
    assert h.shape == (B, Wr.shape[0])
    drive = torch.einsum("btf,hf->bth", x, Wi) + bi
    y = []
    for t in range(T):
        h = torch.tanh(drive[:, t] + torch.einsum("bk,hk->bh", h, Wr) + br)
        y.append(h)
    return torch.stack(y, dim=1), h
