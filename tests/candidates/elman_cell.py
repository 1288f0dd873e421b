import torch
from torch import nn


class ElmanCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        self.reset_parameters(hidden_size ** -0.5)

    def reset_parameters(self, bound):
        for w in self.parameters():
            w.data.uniform_(-bound, bound)

    def forward(self, x, h):
        return torch.tanh(self.x2h(x) + self.h2h(h))
