import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__()
        self.dropout = dropout
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.cells = nn.ModuleList([nn.RNNCell(size, hidden_size) for size in sizes])

    def forward(self, x, h_0):
        finals = []
        for k, cell in enumerate(self.cells):
            h, outputs = h_0[k], []
            for x_t in x:
                h = cell(x_t, h)
                outputs.append(h)
            finals.append(h)
            x = torch.stack(outputs)
            if self.training and k < len(self.cells) - 1:
                x = x * (torch.rand_like(x) >= self.dropout) / (1 - self.dropout)
        return x, torch.stack(finals)
