import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.cells = nn.ModuleList([nn.GRUCell(size, hidden_size) for size in sizes])

    def forward(self, x):
        hs = [x.new_zeros(x.size(0), cell.hidden_size) for cell in self.cells]
        outputs = []
        for t in range(x.size(1)):
            h = x[:, t]
            for k, cell in enumerate(self.cells):
                h = hs[k] = cell(h, hs[k])
            outputs.append(h)
        return torch.stack(outputs, dim=1), torch.stack(hs, dim=1)
