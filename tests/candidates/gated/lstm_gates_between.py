import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x = nn.Linear(input_size, 4 * hidden_size)
        self.h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state):
        h, c = state
        ys, forgotten, kept = [], [], []
        for x_t in x:
            i, f, g, o = (self.x(x_t) + self.h(h)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
            forgotten.append(f.sigmoid())
            kept.append(i.sigmoid())
        return torch.stack(ys), {"forget": torch.stack(forgotten), "input": torch.stack(kept)}, (h, c)
