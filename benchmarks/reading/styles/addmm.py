"""Elman recurrence with fused multiply-adds, arguments in the order of torch's own functional API."""

import torch


def elman(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """input (L, N, H_in), hx (1, N, H_out); the biases may be left out. Returns output (L, N, H_out), h_n (1, N, H_out)."""
    h = hx[0]
    output = input.new_empty(input.size(0), input.size(1), w_hh.size(0))
    for step, x in enumerate(input.unbind(0)):
        if b_ih is None:
            h = torch.addmm(x @ w_ih.t(), h, w_hh.t())
        else:
            h = torch.addmm(torch.addmm(b_ih + b_hh, x, w_ih.t()), h, w_hh.t())
        h = torch.tanh(h)
        output[step] = h
    return output, h.unsqueeze(0)
