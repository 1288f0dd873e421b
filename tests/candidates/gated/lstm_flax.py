"""As in flax: the carry (c, h) comes first, in and out."""

import torch
from torch import nn


class LSTMCell(nn.Module):
    def __init__(self, in_features, features):
        super().__init__()
        self.dense_h = nn.ModuleDict({gate: nn.Linear(features, features) for gate in "ifgo"})
        self.dense_i = nn.ModuleDict({gate: nn.Linear(in_features, features, bias=False) for gate in "ifgo"})

    def step(self, c, h, inputs):
        i, f, g, o = (self.dense_i[gate](inputs) + self.dense_h[gate](h) for gate in "ifgo")
        new_c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return new_c, torch.sigmoid(o) * torch.tanh(new_c)

    def forward(self, carry, inputs):
        c, h = carry
        new_c, new_h = self.step(c, h, inputs)
        return (new_c, new_h), new_h


class CarrySwapped(LSTMCell):
    def forward(self, carry, inputs):
        c, h = carry
        new_c, new_h = self.step(c, h, inputs)
        return (new_h, new_c), new_h


class OldOutput(LSTMCell):
    def forward(self, carry, inputs):
        c, h = carry
        return self.step(c, h, inputs), h
