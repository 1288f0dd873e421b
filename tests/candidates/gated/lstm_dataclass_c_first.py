from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class State:
    cell: torch.Tensor
    hidden: torch.Tensor


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state: State):
        h, c = state.hidden, state.cell
        ys = []
        for x_t in x:
            h, c = self.cell(x_t, (h, c))
            ys.append(h)
        return torch.stack(ys), (h, c)
