"""A numpy kernel under torch tensors; inference only."""
import numpy as np
import torch


def kernel(x, h, w_ih, w_hh, b):
    out = np.empty(x.shape[:2] + (h.shape[-1],), x.dtype)
    for t in range(len(x)):
        h = np.tanh(x[t] @ w_ih.T + h @ w_hh + b)
        out[t] = h
    return out, h


def adapter(input, h_0, weights):
    """input (L, N, H_in), h_0 (1, N, H), weights: a dict of nn.RNN's names; returns output, h_n"""
    w = {k: v.detach().cpu().numpy() for k, v in weights.items()}
    out, h = kernel(
        input.detach().numpy(), h_0[0].detach().numpy(), w["weight_ih_l0"], w["weight_hh_l0"], w["bias_ih_l0"] + w["bias_hh_l0"]
    )
    return torch.from_numpy(out), torch.from_numpy(h)[None]
