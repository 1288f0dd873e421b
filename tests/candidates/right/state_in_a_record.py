import torch
from torch import nn
from typing import NamedTuple


class State(NamedTuple):
    h: torch.Tensor


class Cell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i = nn.Linear(input_size, hidden_size)
        self.r = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, state: State):
        h = torch.tanh(self.i(x) + self.r(state.h))
        return h, State(h)
