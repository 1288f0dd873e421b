import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size, num_layers)

    def forward(self, x, h=None):
        if x.dim() == 2:
            out, h = self.forward(x.unsqueeze(1), None if h is None else h.unsqueeze(1))
            return out.squeeze(1), h.squeeze(1)
        return self.rnn(x, h)
