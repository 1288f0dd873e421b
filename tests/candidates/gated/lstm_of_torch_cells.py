import torch
import torch.nn as nn


class StackedLSTM(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.cells = nn.ModuleList(nn.LSTMCell(size, hidden_size) for size in sizes)

    def forward(self, x, state):
        h, c = [list(part.unbind(0)) for part in state]
        out = []
        for x_t in x:
            for layer, cell in enumerate(self.cells):
                h[layer], c[layer] = cell(x_t, (h[layer], c[layer]))
                x_t = h[layer]
            out.append(x_t)
        return torch.stack(out), (torch.stack(h), torch.stack(c))
