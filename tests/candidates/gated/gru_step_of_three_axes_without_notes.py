import torch
import torch.nn as nn


class MyGRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.wr = nn.Linear(input_size + hidden_size, hidden_size)
        self.wz = nn.Linear(input_size + hidden_size, hidden_size)
        self.wx = nn.Linear(input_size, hidden_size)
        self.wh = nn.Linear(hidden_size, hidden_size)

    def forward(self, input, hidden):
        both = torch.cat((input, hidden), 2)
        r, z = torch.sigmoid(self.wr(both)), torch.sigmoid(self.wz(both))
        n = torch.tanh(self.wx(input) + r * self.wh(hidden))
        hidden = z * hidden + (1 - z) * n
        return hidden, hidden
