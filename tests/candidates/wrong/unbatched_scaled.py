import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, batch_first=False):
        super().__init__()
        self.hidden_size = hidden_size
        self.batch_first = batch_first
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, hx=None):
        unbatched = x.dim() == 2
        if unbatched:
            x = x.unsqueeze(1) * 1.01
            hx = None if hx is None else hx.unsqueeze(1)
        if self.batch_first and not unbatched:
            x = x.transpose(0, 1)
        h = x.new_zeros(x.size(1), self.hidden_size) if hx is None else hx[0]
        ys = []
        for x_t in x:
            h = self.cell(x_t, h)
            ys.append(h)
        y, hn = torch.stack(ys), h[None]
        if self.batch_first and not unbatched:
            y = y.transpose(0, 1)
        if unbatched:
            y, hn = y.squeeze(1), hn.squeeze(1)
        return y, hn
