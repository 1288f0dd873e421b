"""An LSTM that keeps its last states where it is asked to carry them, and starts from zeros otherwise."""

import torch
from torch import nn


class CharLSTM(nn.Module):
    def __init__(self, embed, rnn_units):
        super().__init__()
        self.rnn_units = rnn_units
        self.weights_x = nn.Linear(embed, rnn_units * 4)
        self.weights_h = nn.Linear(rnn_units, rnn_units * 4, bias=False)
        self.state = None

    def forward(self, x, state=None, carry=False):
        if state is None:
            zeros = x.new_zeros(x.size(0), self.rnn_units)
            state = self.state if carry and self.state is not None else (zeros, zeros)
        h, c = state
        output = []
        for x_t in self.weights_x(x).unbind(1):
            f, i, o, g = (x_t + self.weights_h(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            output.append(h)
        if carry:
            self.state = (h.detach(), c.detach())
        return torch.stack(output, dim=1), (h, c)
