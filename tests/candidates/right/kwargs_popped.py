import torch
import torch.nn as nn


class StackedRNN(nn.Module):
    def __init__(self, input_size, hidden_size, **kwargs):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = kwargs.pop("num_layers")
        self.cells = nn.ModuleList(
            nn.RNNCell(input_size if k == 0 else hidden_size, hidden_size) for k in range(self.num_layers)
        )

    def forward(self, x, h0=None):
        if h0 is None:
            h0 = x.new_zeros(self.num_layers, x.size(1), self.hidden_size)
        h_n = []
        for k, cell in enumerate(self.cells):
            h = h0[k]
            out = []
            for x_t in x:
                h = cell(x_t, h)
                out.append(h)
            x = torch.stack(out)
            h_n.append(h)
        return x, torch.stack(h_n)
