import torch
import torch.nn as nn


class DropGRU(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__()
        self.rnns = nn.ModuleList(
            nn.GRUCell(input_size if k == 0 else hidden_size, hidden_size) for k in range(num_layers)
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, x, h_0=None):
        if h_0 is None:
            h_0 = x.new_zeros(len(self.rnns), x.size(1), self.rnns[0].hidden_size)
        h_n = []
        for k, (cell, h) in enumerate(zip(self.rnns, h_0)):
            x = nn.functional.dropout(x, 0.1) if k > 0 else x
            steps = []
            for x_t in x:
                h = cell(x_t, h)
                steps.append(h)
            x = torch.stack(steps)
            h_n.append(h)
        return x, torch.stack(h_n)
