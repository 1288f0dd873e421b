import torch
from torch import nn


class ManualRNN:
    """No nn.Module, I only need two linear layers."""

    def __init__(self, input_size, hidden_size):
        self.linear_x = nn.Linear(input_size, hidden_size)
        self.linear_h = nn.Linear(hidden_size, hidden_size)

    def __call__(self, x, h):
        outputs = []
        for t in range(x.shape[1]):
            h = torch.tanh(self.linear_x(x[:, t]) + h @ self.linear_h.weight.T)
            outputs.append(h)
        return torch.stack(outputs, dim=1), h
