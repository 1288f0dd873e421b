import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        sizes = [input_size] + [hidden_size] * num_layers
        self.wx = nn.ModuleList(nn.Linear(a, hidden_size) for a in sizes[:-1])
        self.wh = nn.ModuleList(nn.Linear(hidden_size, hidden_size) for _ in sizes[:-1])

    def forward(self, x, h0):
        for wx, wh, h in zip(self.wx, self.wh, h0):
            seq = []
            for x_t in x:
                h = torch.tanh(wx(x_t) + h @ wh.weight.T)
                seq.append(h)
            x = torch.stack(seq)
        return x, h.unsqueeze(0)
