import torch
from torch import nn


class Encoder(nn.Module):
    """Encodes a batch of sequences (L, N, H_in) as their final states (num_layers, N, H)."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.cells = nn.ModuleList(
            nn.RNNCell(hidden_size if k else input_size, hidden_size) for k in range(num_layers)
        )

    def forward(self, input, h_0):
        h_n = []
        for cell, h in zip(self.cells, h_0):
            states = []
            for x in input:
                h = torch.tanh(x @ cell.weight_ih.T + cell.bias_ih + h @ cell.weight_hh.T)
                states.append(h)
            input = torch.stack(states)
            h_n.append(h)
        return torch.stack(h_n)
