import torch
from torch import nn


class BiLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.left = nn.LSTMCell(input_size, hidden_size)
        self.right = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, hc=None):
        if hc is None:
            hc = [x.new_zeros(2, x.size(1), self.hidden_size)] * 2
        h0, c0 = hc
        h, c = h0[0], c0[0]
        fwd, bwd = [], []
        for x_t in x:
            h, c = self.left(x_t, (h, c))
            fwd.append(h)
        hf, cf = h, c
        h, c = h0[1], c0[1]
        for x_t in reversed(x.unbind()):
            h, c = self.right(x_t, (h, c))
            bwd.append(h)
        out = torch.cat([torch.stack(fwd), torch.stack(bwd).flip(0)], dim=-1)
        return out, (torch.stack([hf, h]), torch.stack([cf, c]))
