"""A port of flax: the cell inside takes the carry apart as (c, h)."""

import torch
from torch import nn


class OptimizedLSTMCell(nn.Module):
    """Port of flax.linen.OptimizedLSTMCell with its parameter names."""

    def __init__(self, in_features, features):
        super().__init__()
        self.i = nn.ModuleDict({n: nn.Linear(in_features, features, bias=False) for n in ("ii", "if", "ig", "io")})
        self.h = nn.ModuleDict({n: nn.Linear(features, features) for n in ("hi", "hf", "hg", "ho")})

    def forward(self, carry, inputs):
        c, h = carry
        i = torch.sigmoid(self.i["ii"](inputs) + self.h["hi"](h))
        f = torch.sigmoid(self.i["if"](inputs) + self.h["hf"](h))
        g = torch.tanh(self.i["ig"](inputs) + self.h["hg"](h))
        o = torch.sigmoid(self.i["io"](inputs) + self.h["ho"](h))
        new_c = f * c + i * g
        new_h = o * torch.tanh(new_c)
        return (new_c, new_h), new_h


class FlaxLSTM(nn.Module):
    """nn.RNN(OptimizedLSTMCell): inputs (batch, time, features), carry (c, h)."""

    def __init__(self, in_features, features):
        super().__init__()
        self.cell = OptimizedLSTMCell(in_features, features)
        self.features = features

    def initialize_carry(self, batch, like):
        return like.new_zeros(batch, self.features), like.new_zeros(batch, self.features)

    def forward(self, inputs, initial_carry=None):
        carry = initial_carry if initial_carry is not None else self.initialize_carry(inputs.shape[0], inputs)
        outputs = []
        for t in range(inputs.shape[1]):
            carry, y = self.cell(carry, inputs[:, t])
            outputs.append(y)
        return torch.stack(outputs, dim=1), carry
