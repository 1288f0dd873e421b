import torch
from torch import nn


class StackedGRU(nn.Module):
    """input (seq, batch, features), h_0 (num_layers, batch, hidden)."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.num_layers = num_layers
        self.hidden_size = hidden_size
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.cells = nn.ModuleList([nn.GRUCell(size, hidden_size) for size in sizes])

    def forward(self, input, h_0=None):
        if h_0 is None:
            h_0 = input.new_zeros(self.num_layers, input.size(1), self.hidden_size)
        hs = list(h_0.unbind(0))
        outputs = []
        for x in input:
            for k, cell in enumerate(self.cells):
                hs[k] = x = cell(x, hs[k])
            outputs.append(x)
        return torch.stack(outputs), torch.stack(hs)
