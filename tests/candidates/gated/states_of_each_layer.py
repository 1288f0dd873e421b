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


class Stack(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers):
        super().__init__()
        self.cells = nn.ModuleList()
        for i in range(num_layers):
            self.cells.append(Cell(hidden_size if i else input_size, hidden_size))

    def forward(self, x, states):
        after = []
        for i, cell in enumerate(self.cells):
            state = states[i]
            x, state = cell(x, state)
            after.append(state)
        return x, after


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers: int = 1):
        super().__init__()
        self.cell = Stack(input_size, hidden_size, num_layers)

    def forward(self, input: Tensor, initial_states: tuple[Tensor, Tensor]):
        inputs = input.unbind(1)
        outputs = []
        state = initial_states
        for i in range(len(inputs)):
            x, state = self.cell.forward(inputs[i], state)
            outputs += [x]
        return torch.stack(outputs, dim=1), state


class Output(LSTM):
    def forward(self, input: Tensor, initial_states: tuple[Tensor, Tensor]):
        outputs = []
        state = initial_states
        for x in input.unbind(1):
            x, state = self.cell.forward(x, state)
            outputs += [x]
        return torch.stack(outputs, dim=1)
