import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)
        self.hidden_size = hidden_size

    def forward(self, x, state=None):
        if state is None:
            z = x.new_zeros(1, x.size(1), self.hidden_size)
            state = (z, z)
        state = [s[0] for s in state]
        h, c = state
        out = []
        for x_t in x:
            h, c = self.cell(x_t, (h, c))
            out.append(h)
        return torch.stack(out), (h[None], c[None])
