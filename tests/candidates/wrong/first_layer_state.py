import torch
from torch import nn


class StackedRNN(nn.Module):
    """A stack of Elman layers; forward(x, h0) with h0 (num_layers, batch, hidden)."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.ih = nn.ModuleList([nn.Linear(s, hidden_size) for s in sizes])
        self.hh = nn.ModuleList([nn.Linear(hidden_size, hidden_size) for _ in sizes])

    def forward(self, x, h0):
        h = list(h0)
        out = []
        for x_t in x:
            for k, (ih, hh) in enumerate(zip(self.ih, self.hh)):
                h[k] = torch.tanh(ih(x_t) + hh(h[k]))
                x_t = h[k]
            out.append(x_t)
        h = torch.stack(h)
        return torch.stack(out), h[0]
