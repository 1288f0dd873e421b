import torch
from torch import nn


class BiElman(nn.Module):
    """x (batch, seq, in), h0 (2, batch, hidden)"""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.fw_cell = nn.RNNCell(input_size, hidden_size)
        self.bw_cell = nn.RNNCell(input_size, hidden_size)
        self.hidden_size = hidden_size

    def forward(self, x, h0):
        f, b = h0[0], h0[1]
        T = x.size(1)
        fs, bs = [], []
        for t in range(T):
            f = self.fw_cell(x[:, t], f)
            fs.append(f)
        for t in range(T - 1, -1, -1):
            b = self.bw_cell(x[:, t], b)
            bs.insert(0, b)
        out = torch.cat((torch.stack(fs, 1), torch.stack(bs, 1)), 2)
        last = out[:, -1]
        return out, torch.stack((last[:, : self.hidden_size], last[:, self.hidden_size :]))
