import torch
from torch import nn


class RNN(nn.Module):
    """forward(x, states): states is a list with one (batch, hidden) per layer, updated in place."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.layers = nn.ModuleList()
        for i in range(num_layers):
            self.layers.append(nn.RNNCell(input_size if i == 0 else hidden_size, hidden_size))

    def forward(self, x, states):
        outputs = []
        for step in x:
            for i, layer in enumerate(self.layers):
                states[i] = layer(step, states[i])
                step = states[i]
            outputs.append(step)
        return torch.stack(outputs), states
