from functools import partial

import torch
from torch import nn


class Elman(nn.Module):
    def __init__(self, input_size, hidden_size, act):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        self.act = act

    def forward(self, x, h):
        states = []
        for x_t in x:
            h = self.act(self.i2h(x_t) + self.h2h(h))
            states.append(h)
        return torch.stack(states), h


class Deep(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size, num_layers)

    def forward(self, x, h=None):
        return self.rnn(x, h)


Tanh = partial(Elman, act=torch.tanh)
Sigmoid = partial(Elman, act=torch.sigmoid)
Two = partial(Deep, num_layers=2)
