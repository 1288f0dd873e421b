import torch
from torch import nn


class StackedLSTM(nn.Module):
    """input (seq, batch, features), states (num_layers, batch, hidden)."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.num_layers = num_layers
        self.hidden_size = hidden_size
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.cells = nn.ModuleList([nn.LSTMCell(size, hidden_size) for size in sizes])

    def forward(self, input, hx=None):
        if hx is None:
            zeros = input.new_zeros(self.num_layers, input.size(1), self.hidden_size)
            hx = (zeros, zeros)
        hs, cs = list(hx[0].unbind(0)), list(hx[1].unbind(0))
        outputs = []
        for x in input:
            for k, cell in enumerate(self.cells):
                hs[k], cs[k] = cell(x, (hs[k], cs[k]))
                x = hs[k]
            outputs.append(x)
        return torch.stack(outputs), (torch.stack(hs), torch.stack(cs))
