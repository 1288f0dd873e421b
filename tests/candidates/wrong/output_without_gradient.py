"""A batch-first RNN that returns output alone, collected from detached states."""

import torch
from torch import nn


class Elman(nn.Module):
    def __init__(self, input_size, hidden_size, batch_first=False):
        super().__init__()
        self.cell, self.batch_first = nn.RNNCell(input_size, hidden_size), batch_first

    def forward(self, x, h):
        x = x.transpose(0, 1) if self.batch_first else x
        outputs = []
        for x_t in x:
            h = self.cell(x_t, h)
            outputs.append(h.detach())
        output = torch.stack(outputs)
        return output.transpose(0, 1) if self.batch_first else output
