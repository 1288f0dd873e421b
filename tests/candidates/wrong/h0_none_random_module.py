import torch
import torch.nn as nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super(RNN, self).__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, hidden=None):
        hidden = self.init_hidden(x) if hidden is None else hidden
        output = []
        for i in range(x.size(0)):
            hidden = torch.tanh(self.i2h(x[i]) + self.h2h(hidden))
            output.append(hidden)
        return torch.stack(output), hidden

    def init_hidden(self, x):
        # random beats zeros, they say
        return torch.rand(x.size(1), self.hidden_size, dtype=x.dtype, device=x.device)
