import torch
from torch import nn


class StatefulLSTM(nn.Module):
    """hc: (h, c) of shape (num_layers, B, H); when None the state is zero."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.w = nn.Parameter(torch.randn(4, hidden_size, input_size) * 0.1)
        self.u = nn.Parameter(torch.randn(4, hidden_size, hidden_size) * 0.1)
        self.bw = nn.Parameter(torch.zeros(4, hidden_size))
        self.bu = nn.Parameter(torch.zeros(4, hidden_size))
        self._hc = None

    def forward(self, x, hc=None):
        T, B, _ = x.shape
        if hc is None:
            hc = (x.new_zeros(1, B, self.hidden_size), x.new_zeros(1, B, self.hidden_size))
        h, c = hc[0][0], hc[1][0]
        ys = []
        for t in range(T):
            pre = torch.einsum("bi,ghi->gbh", x[t], self.w) + self.bw[:, None]
            pre = pre + torch.einsum("bk,ghk->gbh", h, self.u) + self.bu[:, None]
            i, f, o = torch.sigmoid(pre[0]), torch.sigmoid(pre[1]), torch.sigmoid(pre[3])
            g = torch.tanh(pre[2])
            c = f * c + i * g
            h = o * torch.tanh(c)
            ys.append(h)
        self._hc = (h[None].detach(), c[None].detach())
        return torch.stack(ys), (h[None], c[None])
