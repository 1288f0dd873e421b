"""Layers that compute all steps at once from h_0, and say that they take a sequence."""

import torch
from torch import nn


class BatchFirst(nn.Module):
    def __init__(self, input_size, hidden_size, batch_first=False):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        self.batch_first = batch_first

    def forward(self, input, hidden):
        if self.batch_first:
            input = input.transpose(0, 1)
        hidden = torch.tanh(self.i2h(input) + self.h2h(hidden))
        return hidden, hidden


class Documented(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, input, hidden):
        """input: (seq_len, batch, input_size), hidden: (1, batch, hidden_size)"""
        hidden = torch.tanh(self.i2h(input) + self.h2h(hidden))
        return hidden, hidden


class Named(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x_seq, hidden):
        hidden = torch.tanh(self.i2h(x_seq) + self.h2h(hidden))
        return hidden, hidden


class DocumentedByClass(nn.Module):
    """Vanilla RNN over a sequence of shape (seq_len, batch, input_size)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, input, hidden):
        hidden = torch.tanh(self.i2h(input) + self.h2h(hidden))
        return hidden, hidden
