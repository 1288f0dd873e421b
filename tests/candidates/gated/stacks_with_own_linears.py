"""Stacks over lists of nn.Linear that hold the rows of all gates, in orders of their own; and what goes wrong in them."""

import torch
from torch import nn


class Stack(nn.Module):
    gates = 0

    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False, batch_first=False):
        super().__init__()
        self.hidden_size, self.num_layers, self.batch_first = hidden_size, num_layers, batch_first
        self.directions = 2 if bidirectional else 1
        self.x2g, self.h2g = nn.ModuleList(), nn.ModuleList()
        for layer in range(num_layers):
            width = self.width(hidden_size) if layer else input_size
            for _ in range(self.directions):
                self.x2g.append(nn.Linear(width, self.gates * hidden_size))
                self.h2g.append(nn.Linear(hidden_size, self.gates * hidden_size))

    def width(self, hidden_size):
        return self.directions * hidden_size

    def run(self, x, h_0, c_0):
        h_n, c_n = [], []
        for layer in range(self.num_layers):
            sides = []
            for d in range(self.directions):
                k = layer * self.directions + d
                h, c, states = h_0[k], c_0[k], []
                for x_t in x.flip(0) if d else x:
                    h, c = self.step(layer, self.x2g[k](x_t), self.h2g[k](h), h, c)
                    states.append(h)
                sides.append(torch.stack(states[::-1] if d else states))
                h_n.append(h)
                c_n.append(c)
            x = torch.cat(sides, dim=-1)
        return x, h_n, c_n

    def zeros(self, x):
        return x.new_zeros(self.num_layers * self.directions, x.size(1), self.hidden_size)


class LSTM(Stack):
    """Returns output alone."""

    gates = 4

    def step(self, layer, x, h_gates, h, c):
        f, i, o, g = (x + h_gates).chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    def forward(self, x, state=None):
        x = x.transpose(0, 1) if self.batch_first else x
        h_0, c_0 = (self.zeros(x), self.zeros(x)) if state is None else state
        output = self.run(x, h_0, c_0)[0]
        return output.transpose(0, 1) if self.batch_first else output


class Biased(LSTM):
    def step(self, layer, x, h_gates, h, c):
        f, i, o, g = (x + h_gates).chunk(4, dim=-1)
        c = (f + (layer == 0)).sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class Last(LSTM):
    def forward(self, x, state):
        output, h_n, c_n = self.run(x, *state)
        return output, (h_n[-1], c_n[-1])


class GRU(Stack):
    gates = 3

    def step(self, layer, x, h_gates, h, c):
        xz, xr, xn = x.chunk(3, dim=-1)
        hz, hr, hn = h_gates.chunk(3, dim=-1)
        z = torch.sigmoid(xz + hz)
        return (1 - z) * torch.tanh(xn + torch.sigmoid(xr + hr) * hn) + z * h, c

    def forward(self, x):
        return self.run(x, self.zeros(x), self.zeros(x))[0]


class GRUWithStates(GRU):
    def forward(self, x, h_0):
        output, h_n, _ = self.run(x, h_0, h_0)
        return output, torch.stack(h_n)


class Narrow(GRUWithStates):
    def width(self, hidden_size):
        return hidden_size


class TimeFirst(GRUWithStates):
    """Takes batch_first, and does not look at it."""


class Cell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x_t, h, c):
        f, i, o, g = (self.x2h(x_t) + self.h2h(h)).chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class OtherCell(Cell):
    def forward(self, x_t, h, c):
        g, o, i, f = (self.x2h(x_t) + self.h2h(h)).chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class ThreeNamed(nn.Module):
    """Three layers by name; it starts from zeros and returns output alone."""

    lower = Cell

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.rnn1 = self.lower(input_size, hidden_size)
        self.rnn2 = Cell(hidden_size, hidden_size)
        self.rnn3 = Cell(hidden_size, hidden_size)

    def forward(self, x):
        for cell in (self.rnn1, self.rnn2, self.rnn3):
            h = c = x.new_zeros(x.size(1), self.hidden_size)
            states = []
            for x_t in x:
                h, c = cell(x_t, h, c)
                states.append(h)
            x = torch.stack(states)
        return x


class ThreeOfTwoKinds(ThreeNamed):
    lower = OtherCell
