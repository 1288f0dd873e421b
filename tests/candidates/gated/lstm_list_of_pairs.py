import torch
from torch import nn

class Cell(nn.Module):
    def __init__(self, i, h):
        super().__init__()
        self.fc = nn.Linear(i + h, 4 * h)

    def forward(self, x, hc):
        h, c = hc
        f, i, o, g = self.fc(torch.cat((h, x), 1)).chunk(4, 1)
        c = c * torch.sigmoid(f) + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

class StackedLSTM(nn.Module):
    """states: one (h, c) per layer"""
    def __init__(self, input_size, hidden_size, num_layers):
        super().__init__()
        self.cells = nn.ModuleList(Cell(input_size if k == 0 else hidden_size, hidden_size) for k in range(num_layers))

    def forward(self, x, states):
        states = list(states)
        ys = []
        for xt in x:
            for k, cell in enumerate(self.cells):
                states[k] = cell(xt, states[k])
                xt = states[k][0]
            ys.append(xt)
        return torch.stack(ys), states
