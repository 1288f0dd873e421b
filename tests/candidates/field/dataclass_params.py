from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class RNNParams:
    W_xh: Tensor  # (I, H)
    W_hh: Tensor  # (H, H)
    b_h: Tensor  # (H,)


def rnn(params: RNNParams, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """x (T, B, I), h (B, H)"""
    ys = []
    for x_t in x:
        h = torch.tanh(x_t @ params.W_xh + h @ params.W_hh + params.b_h)
        ys.append(h)
    return torch.stack(ys), h
