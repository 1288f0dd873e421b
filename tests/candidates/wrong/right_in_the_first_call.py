import torch
from torch import nn


class Plain(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def walk(self, x, h_0):
        h, states = h_0[0], []
        for x_t in x:
            h = torch.tanh(self.i2h(x_t) + self.h2h(h))
            states.append(h)
        return torch.stack(states), h.unsqueeze(0)


class OneStepAlone(Plain):
    def forward(self, x, h_0):
        output, h_n = self.walk(x, h_0)
        return (output, h_n) if len(x) > 1 else (output, h_0)


class FirstStateKept(Plain):
    def forward(self, x, h_0):
        if not hasattr(self, "first"):
            self.first = h_0
        return self.walk(x, self.first if self.first.shape == h_0.shape else h_0)
