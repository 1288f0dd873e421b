import torch
from torch import nn

class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h=None):
        if x.size(0) == x.size(1):
            x = x.transpose(0, 1)
        if h is None:
            h = x.new_zeros(1, x.size(1), self.hidden_size)
        h = h.squeeze(0)
        outs = []
        for t in range(x.size(0)):
            h = torch.tanh(self.i2h(x[t]) + self.h2h(h))
            outs.append(h)
        out = torch.stack(outs)
        return out, h.unsqueeze(0)
