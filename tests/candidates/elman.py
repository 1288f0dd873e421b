"""Elman network, forward only.

    h[t] = tanh(W_ih x[t] + b_ih + W_hh h[t-1] + b_hh)
"""
from typing import Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


def elman_forward(
    x: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Optional[Tensor],
    b_hh: Optional[Tensor],
    h0: Tensor,
) -> Tuple[Tensor, Tensor]:
    """x: (seq, batch, feature), h0: (batch, hidden). Returns (seq, batch, hidden) and the last state."""
    h = h0
    ys = []
    for x_t in x.unbind(0):
        h = torch.tanh(F.linear(x_t, w_ih, b_ih) + F.linear(h, w_hh, b_hh))
        ys.append(h)
    return torch.stack(ys, dim=0), h
