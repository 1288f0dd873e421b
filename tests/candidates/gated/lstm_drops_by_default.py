import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size, dropout_prob=0.25):
        super().__init__()
        self.cell, self.dropout = nn.LSTMCell(input_size, hidden_size), nn.Dropout(dropout_prob)

    def forward(self, x, hx):
        h, c, outputs = hx[0][0], hx[1][0], []
        for x_t in x:
            h, c = self.cell(x_t, (self.dropout(h), c))
            outputs.append(h)
        return torch.stack(outputs), (h[None], c[None])
