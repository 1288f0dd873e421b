import torch
from torch import nn


class NamedTensor(torch.Tensor):
    """A tensor that knows what it is called."""


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.ih = nn.Linear(input_size, hidden_size)
        self.hh = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        x = x.as_subclass(NamedTensor)
        out = []
        for x_t in x:
            h = torch.tanh(self.ih(x_t) + self.hh(torch.zeros_like(h)))
            out.append(h)
        return torch.stack(out), h
