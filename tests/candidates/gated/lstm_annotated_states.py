from typing import List, Tuple

import torch
from torch import Tensor, nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers):
        super().__init__()
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.cells = nn.ModuleList([nn.LSTMCell(size, hidden_size) for size in sizes])

    def forward(self, x, states: List[Tuple[Tensor, Tensor]]):
        ends = []
        for k, cell in enumerate(self.cells):
            h, c = states[k]
            outputs = []
            for x_t in x:
                h, c = cell(x_t, (h, c))
                outputs.append(h)
            x = torch.stack(outputs)
            ends.append((h, c))
        return x, ends
