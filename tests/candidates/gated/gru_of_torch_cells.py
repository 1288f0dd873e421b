import torch
from torch import nn


class BiGRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.forward_cell = nn.GRUCell(input_size, hidden_size)
        self.backward_cell = nn.GRUCell(input_size, hidden_size)

    def forward(self, x, h):
        f, b, fs, bs = h[0], h[1], [], []
        for t in range(len(x)):
            f = self.forward_cell(x[t], f)
            b = self.backward_cell(x[len(x) - 1 - t], b)
            fs.append(f)
            bs.insert(0, b)
        return torch.cat([torch.stack(fs), torch.stack(bs)], -1), torch.stack([f, b])
