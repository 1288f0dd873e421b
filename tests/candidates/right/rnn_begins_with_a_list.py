"""RNNs as of MXNet, whose states are a list that a method makes; of two axes by another name; and with a namespace."""

from types import SimpleNamespace

import torch
from torch import nn

CONFIG = SimpleNamespace(enc_in=3, d_model=9)


class ListRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def begin_state(self, like):
        return [like.new_zeros(like.shape[1], self.hidden_size)]

    def step(self, x, states):
        h = torch.tanh(self.i2h(x) + self.h2h(states[0]))
        return h, [h]

    def forward(self, inputs, begin_state=None):
        states = begin_state if begin_state is not None else self.begin_state(inputs)
        outputs = []
        for x in inputs:
            output, states = self.step(x, states)
            outputs.append(output)
        return torch.stack(outputs), states


class UnbatchedFromZeros(ListRNN):
    def forward(self, input, h_0=None):
        x = input
        if x.dim() == 2:
            output, h_n = self.forward(x.unsqueeze(1))
            return output.squeeze(1), h_n.squeeze(1)
        h, outputs = x.new_zeros(x.shape[1], self.hidden_size) if h_0 is None else h_0[0], []
        for x_t in x:
            h = self.step(x_t, [h])[0]
            outputs.append(h)
        return torch.stack(outputs), h.unsqueeze(0)


class OfNamespace(UnbatchedFromZeros):
    def __init__(self, configs=CONFIG):
        super().__init__(configs.enc_in, configs.d_model)
