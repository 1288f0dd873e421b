import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x = nn.Linear(input_size, 4 * hidden_size)
        self.h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, x, h_0, c_0):
        h, c, out = h_0[0], c_0[0], []
        for x_t in x:
            i, f, g, o = (self.x(x_t) + self.h(h)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            out.append(h)
        return {"c_n": c[None], "output": torch.stack(out), "h_n": h[None]}
