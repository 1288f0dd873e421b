import torch
import torch.nn as nn
import torch.nn.functional as F


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__()
        self.dropout = dropout
        self.cells = nn.ModuleList(nn.RNNCell(hidden_size if i else input_size, hidden_size) for i in range(num_layers))

    def forward(self, x, h0):
        hn = []
        for i, cell in enumerate(self.cells):
            h, ys = h0[i], []
            for x_t in x:
                h = cell(x_t, h)
                ys.append(h)
            x = torch.stack(ys)
            if i < len(self.cells) - 1:
                x = F.dropout(x, self.dropout)  # model.eval() changes nothing, why?
            hn.append(h)
        return x, torch.stack(hn)
