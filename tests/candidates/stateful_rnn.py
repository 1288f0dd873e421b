import torch
from torch import nn


class ElmanRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        self.h = None

    def forward(self, x):
        """x: (batch, time, input_size) -> (batch, time, hidden_size)"""
        if self.h is None or self.h.shape[0] != x.shape[0]:
            self.h = torch.zeros(x.shape[0], self.hidden_size, dtype=x.dtype, device=x.device)
        h = self.h
        outputs = []
        for t in range(x.shape[1]):
            h = torch.tanh(self.x2h(x[:, t]) + self.h2h(h))
            outputs.append(h)
        self.h = h.detach()
        return torch.stack(outputs, dim=1)
