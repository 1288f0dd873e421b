import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Linear(input_size, 4 * hidden_size)
        self.U = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, states=None):
        if states is None:
            z = x.new_zeros(1, x.shape[1], self.U.in_features)
            states = [z, z]
        h, c = states[0][0], states[1][0]
        ys = []
        for xt in x:
            i, f, g, o = (self.W(xt) + self.U(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), [h[None], c[None]]
