import torch
from torch import nn
from typing import Sequence


class Stack(nn.Module):
    def __init__(self, input_size: int, hidden_sizes: Sequence[int]):
        super().__init__()
        sizes = [input_size, *hidden_sizes]
        self.cells = nn.ModuleList(nn.RNNCell(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x, h0=None):
        finals = []
        for i, cell in enumerate(self.cells):
            h = x.new_zeros(x.size(1), cell.hidden_size) if h0 is None else h0[i]
            outs = []
            for x_t in x:
                h = cell(x_t, h)
                outs.append(h)
            x = torch.stack(outs)
            finals.append(h)
        return x, torch.stack(finals)
