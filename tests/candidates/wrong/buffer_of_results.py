"""An RNN that writes its output into one buffer, which the next call writes over."""

import torch
from torch import nn


class Buffered(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)
        self.out = None

    def forward(self, x, h):
        states = []
        for x_t in x:
            h = self.cell(x_t, h)
            states.append(h)
        output = torch.stack(states)
        if torch.is_grad_enabled():
            return output, h
        if self.out is None or self.out.shape != output.shape or self.out.dtype != output.dtype:
            self.out = torch.empty_like(output)
        return self.out.copy_(output), h
