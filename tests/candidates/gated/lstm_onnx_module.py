import torch
from torch import nn


class ONNXLSTM(nn.Module):
    """W [1, 4H, I], R [1, 4H, H], B [1, 8H] in iofc order."""
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Parameter(torch.randn(1, 4 * hidden_size, input_size) * .1)
        self.R = nn.Parameter(torch.randn(1, 4 * hidden_size, hidden_size) * .1)
        self.B = nn.Parameter(torch.zeros(1, 8 * hidden_size))

    def forward(self, X, initial_h=None, initial_c=None):
        H = self.hidden_size
        N = X.shape[1]
        h = X.new_zeros(N, H) if initial_h is None else initial_h[0]
        c = X.new_zeros(N, H) if initial_c is None else initial_c[0]
        Wb, Rb = self.B[0].split(4 * H)
        Y = []
        for x in X:
            i, o, f, g = (x @ self.W[0].T + h @ self.R[0].T + Wb + Rb).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            Y.append(h)
        return torch.stack(Y), h[None], c[None]
