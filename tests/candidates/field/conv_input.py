import torch
from torch import nn


class ConvRNN(nn.Module):
    """The input projection is a convolution with a kernel of one step."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.proj = nn.Conv1d(input_size, hidden_size, kernel_size=1)
        self.rec = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        # x (N, L, C)
        z = self.proj(x.transpose(1, 2)).transpose(1, 2)
        out = []
        for t in range(z.shape[1]):
            h = torch.tanh(z[:, t] + self.rec(h))
            out.append(h)
        return torch.stack(out, 1), h
