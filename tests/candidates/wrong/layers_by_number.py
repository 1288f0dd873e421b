"""Cells in a list whose numbers are those of the layers, or are not."""

import torch
from torch import nn


class Stack(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.cells = nn.ModuleList(nn.GRUCell(size, hidden_size) for size in sizes)

    def order(self):
        return self.cells

    def forward(self, x, h0):
        states, ys = list(h0), []
        for x_t in x:
            for layer, cell in enumerate(self.order()):
                x_t = states[layer] = cell(x_t, states[layer])
            ys.append(x_t)
        return torch.stack(ys), torch.stack(states)


class UpperReversed(Stack):
    def order(self):
        return [self.cells[0], *reversed(self.cells[1:])]


class TopFirst(Stack):
    """Right: the first of the list is the top layer, as the sizes of the cells say."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__(input_size, hidden_size, num_layers)
        self.cells = nn.ModuleList(reversed(self.cells))

    def order(self):
        return list(reversed(self.cells))


class OutputOfTheFirst(Stack):
    def forward(self, x, h0):
        states, ys = list(h0), []
        for x_t in x:
            for layer, cell in enumerate(self.order()):
                x_t = states[layer] = cell(x_t, states[layer])
            ys.append(states[0])
        return torch.stack(ys), torch.stack(states)


class MadeForTheInput(Stack):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__(input_size, hidden_size)
        self.cells = nn.ModuleList(nn.GRUCell(input_size, hidden_size) for _ in range(num_layers))
