import torch
from torch import nn


class LSTMCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.randn(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.randn(4 * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.randn(4 * hidden_size))
        self.bias_hh = nn.Parameter(torch.randn(4 * hidden_size))

    def forward(self, input, state):
        h, c = state
        gates = input @ self.weight_ih.t() + self.bias_ih + h @ self.weight_hh.t() + self.bias_hh
        i, f, g, o = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, (h, c)


class LSTMLayer(nn.Module):
    def __init__(self, *cell_args):
        super().__init__()
        self.cell = LSTMCell(*cell_args)

    def forward(self, input, state):
        outputs = []
        for x in input.unbind(0):
            output, state = self.cell(x, state)
            outputs.append(output)
        return torch.stack(outputs), state


class ReverseLSTMLayer(nn.Module):
    def __init__(self, *cell_args):
        super().__init__()
        self.cell = LSTMCell(*cell_args)

    def forward(self, input, state):
        outputs = []
        for x in input.flip(0).unbind(0):
            output, state = self.cell(x, state)
            outputs.append(output)
        return torch.stack(outputs).flip(0), state


class BidirLSTMLayer(nn.Module):
    def __init__(self, *cell_args):
        super().__init__()
        self.directions = nn.ModuleList([LSTMLayer(*cell_args), ReverseLSTMLayer(*cell_args)])

    def forward(self, input, states):
        outputs, finals = [], []
        for direction, state in zip(self.directions, states):
            output, final = direction(input, state)
            outputs.append(output)
            finals.append(final)
        return torch.cat(outputs, -1), finals
