import torch
from torch import nn


class RecurrentFirst(nn.Module):
    """W [1, 3H, I], R [1, 3H, H], B [1, 6H] in zrh order, the recurrent half of B first."""
    def __init__(self, input_size, hidden_size, linear_before_reset=1):
        super().__init__()
        self.hidden_size = hidden_size
        self.lbr = linear_before_reset
        self.W = nn.Parameter(torch.randn(1, 3 * hidden_size, input_size) * .1)
        self.R = nn.Parameter(torch.randn(1, 3 * hidden_size, hidden_size) * .1)
        self.B = nn.Parameter(torch.zeros(1, 6 * hidden_size))

    def forward(self, X, initial_h=None):
        H, N = self.hidden_size, X.shape[1]
        h = X.new_zeros(N, H) if initial_h is None else initial_h[0]
        Wz, Wr, Wh = self.W[0].chunk(3)
        Rz, Rr, Rh = self.R[0].chunk(3)
        Rbz, Rbr, Rbh, Wbz, Wbr, Wbh = self.B[0].chunk(6)
        Y = []
        for x in X:
            z = torch.sigmoid(x @ Wz.T + h @ Rz.T + Wbz + Rbz)
            r = torch.sigmoid(x @ Wr.T + h @ Rr.T + Wbr + Rbr)
            if self.lbr:
                n = torch.tanh(x @ Wh.T + r * (h @ Rh.T + Rbh) + Wbh)
            else:
                n = torch.tanh(x @ Wh.T + (r * h) @ Rh.T + Rbh + Wbh)
            h = (1 - z) * n + z * h
            Y.append(h)
        return torch.stack(Y), h[None]
