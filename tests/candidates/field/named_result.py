from typing import NamedTuple

import torch
from torch import Tensor, nn


class RNNResult(NamedTuple):
    last_hidden: Tensor
    sequence: Tensor


class Encoder(nn.Module):
    def __init__(self, input_dim: int, hidden_dim: int):
        super().__init__()
        self.input_map = nn.Linear(input_dim, hidden_dim)
        self.hidden_map = nn.Linear(hidden_dim, hidden_dim, bias=False)

    def forward(self, x: Tensor, h0: Tensor) -> RNNResult:
        """x (batch, time, input_dim), h0 (batch, hidden_dim)"""
        h, hs = h0, []
        for x_t in x.unbind(dim=1):
            h = torch.tanh(self.input_map(x_t) + self.hidden_map(h))
            hs.append(h)
        return RNNResult(last_hidden=h, sequence=torch.stack(hs, dim=1))
