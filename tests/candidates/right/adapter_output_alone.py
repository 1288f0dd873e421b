"""What rnncli is to judge: our engine, called the way nn.RNN is."""
import torch


def engine(x, w, u, b, h):
    for x_t in x:
        h = torch.tanh(torch.einsum("ni,hi->nh", x_t, w) + torch.einsum("nk,hk->nh", h, u) + b)
        yield h


def adapter(input, h_0, weights):
    """input (L, N, H_in), h_0 (1, N, H), weights: a dict of nn.RNN's names; returns output"""
    b = weights["bias_ih_l0"] + weights["bias_hh_l0"]
    return torch.stack(list(engine(input, weights["weight_ih_l0"], weights["weight_hh_l0"], b, h_0[0])))
