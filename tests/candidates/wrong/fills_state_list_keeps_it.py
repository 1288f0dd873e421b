import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.cells = nn.ModuleList()
        for i in range(num_layers):
            self.cells.append(nn.RNNCell(input_size if i == 0 else hidden_size, hidden_size))
        self.states = []

    def forward(self, x, h_0):
        if not self.states or self.states[0].shape != h_0[0].shape:
            self.states = list(h_0)
        outputs = []
        for t in range(x.shape[0]):
            inp = x[t]
            for i, cell in enumerate(self.cells):
                self.states[i] = cell(inp, self.states[i])
                inp = self.states[i]
            outputs.append(inp)
        self.states = [s.detach() for s in self.states]
        return torch.stack(outputs), torch.stack(self.states)
