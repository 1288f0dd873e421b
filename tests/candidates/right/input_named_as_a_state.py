"""RNNs whose input has the name of a state, as in code around transformers."""

import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, hidden_states, past=None):
        h = hidden_states.new_zeros(hidden_states.shape[1], self.hidden_size) if past is None else past
        outputs = []
        for x in hidden_states:
            h = torch.tanh(self.i2h(x) + self.h2h(h))
            outputs.append(h)
        return torch.stack(outputs), h


class FirstStepOnly(RNN):
    def forward(self, hidden_states, past=None):
        h = hidden_states.new_zeros(hidden_states.shape[1], self.hidden_size) if past is None else past
        outputs = []
        for _ in hidden_states:
            h = torch.tanh(self.i2h(hidden_states[0]) + self.h2h(h))
            outputs.append(h)
        return torch.stack(outputs), h


def rnn(s, h0, W_ih, W_hh, b_ih, b_hh):
    h, outputs = h0, []
    for s_t in s:
        h = torch.tanh(s_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        outputs.append(h)
    return torch.stack(outputs), h
