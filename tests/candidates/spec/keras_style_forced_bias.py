import torch
from torch import nn


class SimpleRNN(nn.Module):
    """Keras' SimpleRNN: units, activation, use_bias."""

    def __init__(self, units, input_dim, activation="tanh", use_bias=True):
        super().__init__()
        self.act = getattr(torch, activation)
        self.kernel = nn.Parameter(torch.randn(input_dim, units) * 0.1)
        self.recurrent_kernel = nn.Parameter(torch.randn(units, units) * 0.1)
        self.bias = nn.Parameter(torch.randn(units) * 0.1)  # use_bias is forgotten

    def forward(self, inputs, initial_state):
        state = initial_state
        sequence = []
        for t in range(inputs.shape[1]):
            state = self.act(inputs[:, t] @ self.kernel + state @ self.recurrent_kernel + self.bias)
            sequence.append(state)
        return torch.stack(sequence, dim=1), state
