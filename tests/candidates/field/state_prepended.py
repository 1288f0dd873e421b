import torch


def forward(X, params, h0):
    """X (batch, T, d); params = (Wxh, Whh, bh) with Wxh (d, H)"""
    Wxh, Whh, bh = params
    hs = [h0]
    for t in range(X.shape[1]):
        hs.append(torch.tanh(X[:, t, :] @ Wxh + hs[t] @ Whh + bh))
    return torch.stack(hs[1:], dim=1), hs[-1]
