"""Encoders that run both directions always, and return something else than their final states."""

import torch
from torch import nn


class Seq2Seq(nn.Module):
    """The hidden state goes through a layer, for a decoder in one direction."""

    def __init__(self, input_dim, hid_dim):
        super().__init__()
        self.rnn = nn.GRU(input_dim, hid_dim, bidirectional=True)
        self.fc = nn.Linear(hid_dim * 2, hid_dim)

    def forward(self, src):
        outputs, hidden = self.rnn(src)
        hidden = torch.tanh(self.fc(torch.cat((hidden[-2], hidden[-1]), dim=1)))
        return outputs, hidden


class SideBySide(nn.Module):
    def __init__(self, input_dim, hid_dim):
        super().__init__()
        self.rnn = nn.LSTM(input_dim, hid_dim, bidirectional=True)

    def forward(self, src):
        outputs, (h, c) = self.rnn(src)
        return outputs, torch.cat((h[-2], h[-1]), dim=1), torch.cat((c[-2], c[-1]), dim=1)
