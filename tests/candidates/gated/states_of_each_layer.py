"""Layers that take a list of (h, c), one for each: two rows of h_0 would be taken for h and c of the first."""

import torch
from torch import Tensor, nn


class Cell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.randn(4 * hidden_size, input_size) * 0.1)
        self.weight_hh = nn.Parameter(torch.randn(4 * hidden_size, hidden_size) * 0.1)
        self.bias_ih = nn.Parameter(torch.zeros(4 * hidden_size))
        self.bias_hh = nn.Parameter(torch.zeros(4 * hidden_size))

    def forward(self, x, state):
        h, c = state
        gates = x @ self.weight_ih.t() + self.bias_ih + h @ self.weight_hh.t() + self.bias_hh
        i, f, g, o = gates.chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers: int = 1):
        super().__init__()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.cells = nn.ModuleList(Cell(size, hidden_size) for size in sizes)

    def forward(self, input: Tensor, initial_states: tuple[Tensor, Tensor]):
        outputs, states = [], initial_states
        for x in input.unbind(1):
            after = []
            for i, cell in enumerate(self.cells):
                x, state = cell(x, states[i])
                after.append(state)
            states = after
            outputs.append(x)
        return torch.stack(outputs, 1), states
