import torch
from torch import nn


class GRU(nn.Module):
    """The gates over [h, x], n over x and over h."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.Wz, self.Wr = (nn.Linear(hidden_size + input_size, hidden_size) for _ in range(2))
        self.Wn, self.Un = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h=None):
        h = torch.zeros(x.shape[1], self.hidden_size).to(x)
        outputs = []
        for x_t in x:
            both = torch.cat((h, x_t), 1)
            z, r = torch.sigmoid(self.Wz(both)), torch.sigmoid(self.Wr(both))
            h = (1 - z) * torch.tanh(self.Wn(x_t) + r * self.Un(h)) + z * h
            outputs.append(h)
        return torch.stack(outputs), h[None]


def lstm(x, a0, c0, Wf, bf, Wi, bi, Wc, bc, Wo, bo):
    """c_0 is given, and c starts at zeros."""
    a, c = a0[0], torch.zeros_like(c0[0])
    outputs = []
    for x_t in x:
        both = torch.cat((a, x_t), 1)
        f, i = torch.sigmoid(both @ Wf.T + bf), torch.sigmoid(both @ Wi.T + bi)
        c = f * c + i * torch.tanh(both @ Wc.T + bc)
        a = torch.sigmoid(both @ Wo.T + bo) * torch.tanh(c)
        outputs.append(a)
    return torch.stack(outputs), a[None], c[None]
