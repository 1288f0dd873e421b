import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Parameter(torch.randn(input_size, 4 * hidden_size) * 0.1)
        self.U = nn.Parameter(torch.randn(hidden_size, 4 * hidden_size) * 0.1)
        self.b = nn.Parameter(torch.zeros(4 * hidden_size))

    def forward(self, x, state=None):
        if state is None:
            state = torch.zeros(2, x.size(1), self.hidden_size, dtype=x.dtype, device=x.device)
        c, h = state.unbind(0)
        ys = []
        for x_t in x:
            i, f, g, o = (x_t @ self.W + h @ self.U + self.b).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), torch.stack([c, h])
