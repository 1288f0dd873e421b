import torch
from torch import nn


class BiRNN(nn.Module):
    """h0 may be (2, N, H) or, for DataParallel, (N, 2, H)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.fwd = nn.RNNCell(input_size, hidden_size)
        self.bwd = nn.RNNCell(input_size, hidden_size)

    def scan(self, cell, xs, h):
        ys = []
        for x in xs:
            h = cell(x, h)
            ys.append(h)
        return ys, h

    def forward(self, x, h0):
        if h0.size(0) == x.size(1):
            h0 = h0.transpose(0, 1)
        f, hf = self.scan(self.fwd, x.unbind(0), h0[0])
        b, hb = self.scan(self.bwd, x.flip(0).unbind(0), h0[1])
        return torch.cat((torch.stack(f), torch.stack(b[::-1])), 2), torch.stack((hf, hb))
