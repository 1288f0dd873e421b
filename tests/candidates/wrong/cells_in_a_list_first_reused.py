import torch
from torch import nn


class DeepRNN:
    def __init__(self, input_size, hidden_size, num_layers=1):
        self.cells = [nn.RNNCell(input_size, hidden_size)]
        for _ in range(1, num_layers):
            self.cells.append(nn.RNNCell(hidden_size, hidden_size))

    def forward(self, x, h0):
        """x: (seq, batch, input), h0: (layers, batch, hidden)"""
        hidden = [h0[i] for i in range(len(self.cells))]
        top = []
        for step in x:
            for i in range(len(self.cells)):
                cell = self.cells[min(i, 1)]
                hidden[i] = cell(step, hidden[i])
                step = hidden[i]
            top.append(step)
        return torch.stack(top), torch.stack(hidden)
