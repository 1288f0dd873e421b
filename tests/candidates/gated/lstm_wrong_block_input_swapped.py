import torch
from torch import nn


class CoreMLLSTM(nn.Module):
    """Core ML uniDirectionalLSTM: separate W_i W_f W_o W_z, R_i .., b_i .. ; no peepholes, no clip"""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        for g in 'ifoz':
            setattr(self, 'W_' + g, nn.Parameter(torch.randn(hidden_size, input_size) * 0.1))
            setattr(self, 'R_' + g, nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1))
            setattr(self, 'b_' + g, nn.Parameter(torch.randn(hidden_size) * 0.1))

    def forward(self, x, h0, c0):
        h, c = h0[0], c0[0]
        ys = []
        for xt in x:
            a = {g: xt @ getattr(self, 'W_' + g).T + h @ getattr(self, 'R_' + g).T + getattr(self, 'b_' + g) for g in 'ifoz'}
            c = a['f'].sigmoid() * c + a['z'].sigmoid() * a['i'].tanh()
            h = a['o'].sigmoid() * c.tanh()
            ys.append(h)
        return torch.stack(ys), h[None], c[None]
