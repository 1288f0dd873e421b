from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class Settings:
    input_size: int
    hidden_size: int
    bias: bool = True
    batch_first: bool = False


class NoBias(nn.Module):
    """asks for no bias in its settings, and has one all the same"""

    def __init__(self, config: Settings):
        super().__init__()
        self.config = config
        self.ih = nn.Parameter(torch.rand(config.hidden_size, config.input_size) - 0.5)
        self.hh = nn.Parameter(torch.rand(config.hidden_size, config.hidden_size) - 0.5)
        self.b = nn.Parameter(torch.ones(config.hidden_size))

    def forward(self, x, h_0):
        h, states = h_0[0], []
        for x_t in x:
            h = torch.tanh(x_t @ self.ih.T + h @ self.hh.T + self.b)
            states.append(h)
        return torch.stack(states), h[None]


class NotTurnedBack(NoBias):
    def forward(self, x, h_0):
        return super().forward(x.transpose(0, 1) if self.config.batch_first else x, h_0)


class Untyped(NotTurnedBack):
    """its settings are of no class: what it reads of them says what it takes"""

    def __init__(self, config):
        super().__init__(config)


class Walks(nn.Module):
    """takes batch_first, and walks the first axis whatever it is"""

    def __init__(self, input_size, hidden_size, batch_first=False):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h_0):
        h, states = h_0[0], []
        for x_t in x:
            h = torch.tanh(self.i2h(x_t) + self.h2h(h))
            states.append(h)
        return torch.stack(states), h[None]
