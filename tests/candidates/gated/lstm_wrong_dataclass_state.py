from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class LSTMState:
    cell: torch.Tensor
    hidden: torch.Tensor


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2g = nn.Linear(input_size, 4 * hidden_size)
        self.h2g = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state: LSTMState | None = None):
        if state is None:
            z = x.new_zeros(x.size(1), self.hidden_size)
            state = LSTMState(z, z)
        h, c = state.hidden, state.cell
        ys = []
        for x_t in x:
            i, f, g, o = (self.x2g(x_t) + self.h2g(h)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), LSTMState(h, c)
