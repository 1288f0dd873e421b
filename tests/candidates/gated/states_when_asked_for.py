"""States that come back with a flag that is off by default."""

import torch
from torch import nn


class Asked(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def walked(self, x, state):
        out = []
        for x_t in x:
            state = self.cell(x_t, state)
            out.append(state[0])
        return torch.stack(out), state

    def forward(self, x, state=None, return_state=False):
        out, (h, c) = self.walked(x, state)
        return (out, (h, c)) if return_state else out


class AskedWrong(Asked):
    def forward(self, x, state=None, return_state=False):
        out, (h, c) = self.walked(x, state)
        return (out, (c, h)) if return_state else out


class AskedAtConstruction(Asked):
    def __init__(self, input_size, hidden_size, return_state=False):
        super().__init__(input_size, hidden_size)
        self.return_state = return_state

    def forward(self, x, state=None):
        out, (h, c) = self.walked(x, state)
        return (out, (h, c)) if self.return_state else out


class AskedAtConstructionWrong(AskedAtConstruction):
    def forward(self, x, state=None):
        out, (h, c) = self.walked(x, state)
        return (out, (h, c * 1.01)) if self.return_state else out
