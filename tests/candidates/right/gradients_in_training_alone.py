import torch
import torch.nn as nn


class Elman(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h0=None):
        with torch.set_grad_enabled(self.training):
            h = x.new_zeros(x.size(1), self.hidden_size) if h0 is None else h0[0]
            outs = []
            for x_t in x:
                h = torch.tanh(self.i2h(x_t) + self.h2h(h))
                outs.append(h)
            return torch.stack(outs), h.unsqueeze(0)
