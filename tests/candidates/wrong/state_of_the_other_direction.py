"""Each direction starts from the row of h_0 that is the other's."""

import torch
from torch import nn


class BiRNN(nn.Module):
    def __init__(self, input_size, hidden_size, bidirectional=True):
        super().__init__()
        self.hidden_size, self.D = hidden_size, 2 if bidirectional else 1
        self.w_ih = nn.ParameterList([nn.Parameter(torch.randn(hidden_size, input_size) / 8) for _ in range(self.D)])
        self.w_hh = nn.ParameterList([nn.Parameter(torch.randn(hidden_size, hidden_size) / 8) for _ in range(self.D)])
        self.b_ih = nn.ParameterList([nn.Parameter(torch.zeros(hidden_size)) for _ in range(self.D)])
        self.b_hh = nn.ParameterList([nn.Parameter(torch.zeros(hidden_size)) for _ in range(self.D)])

    def forward(self, x, h_0=None):
        if h_0 is None:
            h_0 = x.new_zeros(self.D, x.size(1), self.hidden_size)
        out, h_n = [], []
        for d in range(self.D):
            h, ys = h_0[self.D - 1 - d], []
            for x_t in (x.flip(0) if d else x):
                h = torch.tanh(x_t @ self.w_ih[d].T + self.b_ih[d] + h @ self.w_hh[d].T + self.b_hh[d])
                ys.append(h)
            out.append(torch.stack(ys[::-1] if d else ys))
            h_n.append(h)
        return torch.cat(out, -1), torch.stack(h_n)
