import torch
from torch import nn


class RNN(nn.Module):
    """Returns all states; of two axes, those after one step."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x):
        h = x.new_zeros(x.shape[-2], self.hidden_size)
        if x.ndim == 2:
            return torch.tanh(self.i2h(x) + self.h2h(h))
        ys = []
        for x_t in x:
            h = torch.tanh(self.i2h(x_t) + self.h2h(h))
            ys.append(h)
        return torch.stack(ys)
