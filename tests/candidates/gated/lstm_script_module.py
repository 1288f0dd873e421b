from collections import namedtuple
from typing import List, Tuple

import torch
from torch import Tensor, jit, nn

State = namedtuple("State", ["h", "c"])


class Cell(jit.ScriptModule):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.randn(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.randn(4 * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.randn(4 * hidden_size))
        self.bias_hh = nn.Parameter(torch.randn(4 * hidden_size))

    @jit.script_method
    def forward(self, input: Tensor, state: Tuple[Tensor, Tensor]) -> Tuple[Tensor, Tuple[Tensor, Tensor]]:
        h, c = state
        gates = torch.mm(input, self.weight_ih.t()) + self.bias_ih + torch.mm(h, self.weight_hh.t()) + self.bias_hh
        i, f, g, o = gates.chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)


class Layer(jit.ScriptModule):
    def __init__(self, input_size: int, hidden_size: int, reverse: bool = False):
        super().__init__()
        self.cell = Cell(input_size, hidden_size)
        self.reverse = reverse

    @jit.script_method
    def forward(self, input: Tensor, state: Tuple[Tensor, Tensor]) -> Tuple[Tensor, Tuple[Tensor, Tensor]]:
        steps = input.flip(0) if self.reverse else input
        outputs: List[Tensor] = []
        for step in steps.unbind(0):
            output, state = self.cell(step, state)
            outputs.append(output)
        joined = torch.stack(outputs)
        return joined.flip(0) if self.reverse else joined, state


class Stacked(nn.Module):
    def __init__(self, num_layers, input_size, hidden_size):
        super().__init__()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList([Layer(size, hidden_size) for size in sizes])

    def forward(self, input, states: List[State]):
        output, last = input, []
        for layer, state in zip(self.layers, states):
            output, state = layer(output, state)
            last.append(State(*state))
        return output, last


class Bidirectional(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.directions = nn.ModuleList([Layer(input_size, hidden_size), Layer(input_size, hidden_size, True)])

    def forward(self, input, states: List[State]):
        outputs, last = [], []
        for direction, state in zip(self.directions, states):
            output, state = direction(input, state)
            outputs.append(output)
            last.append(State(*state))
        return torch.cat(outputs, -1), last


class OneStateForBoth(Bidirectional):
    def forward(self, input, states: List[State]):
        return super().forward(input, [states[0], states[0]])


def script_lstm(
    input_size, hidden_size, num_layers, bias=True, batch_first=False, dropout=False, bidirectional=False
):
    assert bias and not batch_first and not bidirectional
    return Stacked(num_layers, input_size, hidden_size)
