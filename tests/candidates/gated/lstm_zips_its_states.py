import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.x2h, self.h2h = nn.Linear(input_size, 4 * hidden_size), nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, seq, state=None):
        if state is None:
            state = [(seq.new_zeros(seq.size(1), self.hidden_size),) * 2]
        else:
            state = list(zip(*state, strict=True))
        h, c = state[0]
        outputs = []
        for x in seq:
            i, f, g, o = (self.x2h(x) + self.h2h(h)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs), (h[None], c[None])
