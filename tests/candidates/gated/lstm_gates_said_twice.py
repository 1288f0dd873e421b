"""LSTM cells of modules for each gate, whose weights name the gate once more: `input_gate.W_xi`."""

import torch
from torch import nn


class Gate(nn.Module):
    def __init__(self, letter, input_size, hidden_size):
        super().__init__()
        self.letter = letter
        setattr(self, f"W_x{letter}", nn.Parameter(torch.randn(input_size, hidden_size) * 0.1))
        setattr(self, f"W_h{letter}", nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1))
        setattr(self, f"b_{letter}", nn.Parameter(torch.zeros(hidden_size)))

    def forward(self, x, h):
        w_x, w_h, b = (getattr(self, f"{name}{self.letter}") for name in ("W_x", "W_h", "b_"))
        return x @ w_x + h @ w_h + b


class OfGates(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_gate = Gate("i", input_size, hidden_size)
        self.output_gate = Gate("o", input_size, hidden_size)
        self.forget_gate = Gate("f", input_size, hidden_size)
        self.input_node = Gate("c", input_size, hidden_size)

    def candidate(self, x, h):
        return torch.tanh(self.input_node(x, h))

    def forward(self, x, h, c):
        i, f, o = (torch.sigmoid(gate(x, h)) for gate in (self.input_gate, self.forget_gate, self.output_gate))
        c = f * c + i * self.candidate(x, h)
        return o * torch.tanh(c), c


class SigmoidOfTheCandidate(OfGates):
    def candidate(self, x, h):
        return torch.sigmoid(self.input_node(x, h))
