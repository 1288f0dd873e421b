"""LSTMs with dropout between two layers: masks from a generator of their own, or from one that each call seeds alike."""

import torch
from torch import nn


class OwnGenerator(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__()
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.cells = nn.ModuleList(nn.LSTMCell(size, hidden_size) for size in sizes)
        self.dropout, self.generator = dropout, torch.Generator().manual_seed(7)

    def dropped(self, x):
        if not self.training or not self.dropout:
            return x
        kept = torch.rand(x.shape, generator=self.generator) >= self.dropout
        return x * kept / (1 - self.dropout)

    def forward(self, x, state):
        h_n, c_n = [], []
        for k, cell in enumerate(self.cells):
            h, c, outputs = state[0][k], state[1][k], []
            for x_t in self.dropped(x) if k else x:
                h, c = cell(x_t, (h, c))
                outputs.append(h)
            x = torch.stack(outputs)
            h_n.append(h)
            c_n.append(c)
        return x, (torch.stack(h_n), torch.stack(c_n))


class SeededInEachCall(OwnGenerator):
    def dropped(self, x):
        self.generator.manual_seed(7)
        return super().dropped(x)
