from dataclasses import dataclass
from typing import List

import torch
import torch.nn.functional as F


@dataclass
class LayerParams:
    weight_ih: torch.Tensor
    weight_hh: torch.Tensor
    bias_ih: torch.Tensor
    bias_hh: torch.Tensor


def gru(x: torch.Tensor, h0: torch.Tensor, layers: List[LayerParams]):
    """x (seq, batch, feature), h0 (num_layers, batch, hidden)"""
    last = []
    for p, h in zip(layers, h0):
        out = []
        for x_t in x:
            xr, xz, xn = F.linear(x_t, p.weight_ih, p.bias_ih).chunk(3, dim=-1)
            hr, hz, hn = F.linear(h, p.weight_hh, p.bias_hh).chunk(3, dim=-1)
            r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
            n = torch.tanh(xn + r * hn)
            h = (1 - z) * n + z * h
            out.append(h)
        x = torch.stack(out)
        last.append(h)
    return x, torch.stack(last)
