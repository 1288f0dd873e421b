import torch
from torch import nn


class StackedRNN(nn.Module):
    """A stack of nn.RNNCell.

    Inputs: x (T, B, input_size) and hx (num_layers, B, hidden_size), which defaults to zeros.
    Outputs: the top layer's states (T, B, hidden_size) and the final states (num_layers, B, hidden_size).
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.cells = nn.ModuleList()
        for i in range(num_layers):
            self.cells.append(nn.RNNCell(input_size if i == 0 else hidden_size, hidden_size))

    def forward(self, x, hx=None):
        if hx is None:
            hx = x.new_zeros(self.num_layers, x.shape[1], self.hidden_size)
        states = list(hx)
        top = []
        for x_t in x:
            inp = x_t
            for i, cell in enumerate(self.cells):
                states[i] = cell(inp, states[i])
                inp = states[i]
            top.append(inp)
        return torch.stack(top, 0), torch.stack(states, 0)
