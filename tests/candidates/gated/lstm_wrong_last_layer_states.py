import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.num_layers, self.hidden_size = num_layers, hidden_size
        self.x = nn.ModuleList(nn.Linear(input_size if k == 0 else hidden_size, 4 * hidden_size) for k in range(num_layers))
        self.h = nn.ModuleList(nn.Linear(hidden_size, 4 * hidden_size) for _ in range(num_layers))

    def forward(self, x, state):
        h0, c0 = state
        hs, cs = [], []
        for k in range(self.num_layers):
            h, c = h0[k], c0[k]
            ys = []
            for x_t in x:
                f, i, o, g = (self.x[k](x_t) + self.h[k](h)).chunk(4, -1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
                ys.append(h)
            x = torch.stack(ys)
            hs.append(h)
            cs.append(c)
        return x, (h[None], c[None])
