import torch
import torch.nn as nn


class MaskedRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, lengths, h0=None):
        """x: (T, N, input_size) padded, lengths: (N,); output is zero beyond each length"""
        h = x.new_zeros(x.size(1), self.hidden_size) if h0 is None else h0[0]
        outputs = []
        for t in range(x.size(0)):
            mask = (t <= lengths).unsqueeze(1)
            new = torch.tanh(self.i2h(x[t]) + self.h2h(h))
            h = torch.where(mask, new, h)
            outputs.append(torch.where(mask, new, torch.zeros_like(new)))
        return torch.stack(outputs), h[None]
