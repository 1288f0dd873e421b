import torch
import torch.nn as nn


class CharRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.in2hidden = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, hidden=None):
        # x is (batch, time, features)
        bs = x.shape[0]
        if hidden is None:
            hidden = torch.zeros(bs, self.hidden_size).to(x)
        states = []
        for t in range(x.shape[1]):
            combined = torch.cat((x[:, t], hidden), dim=1)
            hidden = torch.tanh(self.in2hidden(combined))
            states.append(hidden)
        return (states), hidden
