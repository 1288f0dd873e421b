import torch
from torch import nn

class GRUSeq(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.cells = nn.ModuleList(nn.GRUCell(hidden_size if k else input_size, hidden_size) for k in range(num_layers))

    def forward(self, x, states):
        states = list(states)
        ys = []
        for xt in x:
            for k, cell in enumerate(self.cells):
                xt = states[k] = cell(xt, states[k])
            ys.append(xt)
        return torch.stack(ys), states
