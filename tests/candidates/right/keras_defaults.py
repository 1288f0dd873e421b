import torch
from torch import nn


class SimpleRNN(nn.Module):
    def __init__(self, input_dim, units, activation="relu", return_sequences=False):
        super().__init__()
        self.activation, self.return_sequences = getattr(torch, activation), return_sequences
        self.kernel = nn.Parameter(torch.randn(input_dim, units) * 0.1)
        self.recurrent_kernel = nn.Parameter(torch.randn(units, units) * 0.1)
        self.bias = nn.Parameter(torch.zeros(units))

    def forward(self, inputs, initial_state=None):
        h = inputs.new_zeros(inputs.shape[0], len(self.bias)) if initial_state is None else initial_state
        outputs = []
        for t in range(inputs.shape[1]):
            h = self.activation(inputs[:, t] @ self.kernel + self.bias + h @ self.recurrent_kernel)
            outputs.append(h)
        return torch.stack(outputs, 1) if self.return_sequences else h, h
