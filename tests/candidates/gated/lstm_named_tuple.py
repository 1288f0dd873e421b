import torch
from torch import nn
from typing import NamedTuple


class State(NamedTuple):
    h: torch.Tensor
    c: torch.Tensor


class Cell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x2g = nn.Linear(input_size, 4 * hidden_size)
        self.h2g = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state: State):
        i, f, g, o = (self.x2g(x) + self.h2g(state.h)).chunk(4, -1)
        c = f.sigmoid() * state.c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, State(h, c)
