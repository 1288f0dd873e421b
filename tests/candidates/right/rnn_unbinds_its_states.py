"""A stack whose states are a list over layers in it: zeros of its own, or h_0 taken apart by unbind."""

import torch
from torch import nn
from torch.nn import functional as F


class StackedRNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.hidden_size = hidden_size
        self.layers = nn.ModuleList()
        for index in range(num_layers):
            width = hidden_size if index else input_size
            weights = {
                "w_x": nn.Parameter(torch.randn(hidden_size, width)),
                "w_h": nn.Parameter(torch.randn(hidden_size, hidden_size)),
                "b": nn.Parameter(torch.zeros(hidden_size)),
            }
            self.layers.append(nn.ParameterDict(weights))

    def forward(self, x, hidden=None):
        steps, batch, _ = x.shape
        if hidden is None:
            hidden = [x.new_zeros(batch, self.hidden_size) for _ in self.layers]
        else:
            hidden = list(hidden.unbind(0))
        outputs = []
        for t in range(steps):
            below = x[t]
            for index, own in enumerate(self.layers):
                state = F.linear(hidden[index], own["w_h"])
                hidden[index] = torch.tanh(F.linear(below, own["w_x"], own["b"]) + state)
                below = hidden[index]
            outputs.append(below)
        return torch.stack(outputs), torch.stack(hidden)


class Split(StackedRNN):
    def forward(self, x, hidden=None):
        if hidden is None:
            hidden = [x.new_zeros(1, x.shape[1], self.hidden_size) for _ in self.layers]
        else:
            hidden = list(torch.split(hidden, 1))
        return super().forward(x, torch.cat(hidden))
