import torch
from torch import nn


class StackedGRU(nn.Module):
    def __init__(self, input_size, hidden_size, num_blocks=1):
        super().__init__()
        sizes = [input_size, *[hidden_size] * (num_blocks - 1)]
        self.hidden_size, self.num_blocks = hidden_size, num_blocks
        self.cells = nn.ModuleList([nn.GRUCell(size, hidden_size) for size in sizes])

    def forward(self, x, h0=None):
        if h0 is None:
            h0 = x.new_zeros(self.num_blocks, x.size(1), self.hidden_size)
        finals = []
        for cell in self.cells:
            h, out = h0[-1], []
            for xt in x:
                h = cell(xt, h)
                out.append(h)
            x = torch.stack(out)
            finals.append(h)
        return x, torch.stack(finals)
