import torch
import torch.nn as nn
import torch.nn.functional as F


class Encoder(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h=None):
        """Returns (h_n, output)."""
        if h is None:
            h = x.new_zeros(x.size(1), self.hidden_size)
        outputs = []
        for x_t in x:
            h = torch.tanh(self.i2h(x_t) + self.h2h(h))
            outputs.append(h)
        h_n = h.unsqueeze(0)
        output = torch.stack(outputs)
        return h_n, output
