import torch
from torch import nn


class HandWritten(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        # x: (1, batch, input_size), h: (1, batch, hidden_size)
        h = torch.tanh(self.i2h(x) + self.h2h(h))
        return h, h


class Stale(HandWritten):
    def forward(self, x, h):
        # x: (1, batch, input_size), h: (1, batch, hidden_size)
        new = torch.tanh(self.i2h(x) + self.h2h(h))
        return new, h


class Decoder(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size)

    def forward(self, input, hidden):
        # input: (1, B, E), hidden: (1, B, H)
        output, hidden = self.rnn(input, hidden)
        return output, hidden
