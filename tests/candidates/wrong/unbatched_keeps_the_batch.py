import torch
import torch.nn as nn


class Elman(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, hx=None):
        if x.dim() == 2:
            x = x[:, None]
            hx = None if hx is None else hx[:, None]
        h = x.new_zeros(x.size(1), self.hidden_size) if hx is None else hx[0]
        ys = []
        for x_t in x:
            h = torch.tanh(self.i2h(x_t) + self.h2h(h))
            ys.append(h)
        return torch.stack(ys), h.unsqueeze(0)
