import torch
import torch.nn as nn

input_dim, hidden_dim = 10, 20
Wz, Uz, bz = (nn.Parameter(torch.randn(*s)) for s in ((hidden_dim, input_dim), (hidden_dim, hidden_dim), (hidden_dim,)))
Wr, Ur, br = (nn.Parameter(torch.randn(*s)) for s in ((hidden_dim, input_dim), (hidden_dim, hidden_dim), (hidden_dim,)))
Wh, Uh, bh = (nn.Parameter(torch.randn(*s)) for s in ((hidden_dim, input_dim), (hidden_dim, hidden_dim), (hidden_dim,)))
bhn = nn.Parameter(torch.randn(hidden_dim))


def gru_cell(x, h):
    z = torch.sigmoid(x @ Wz.T + h @ Uz.T + bz)
    r = torch.sigmoid(x @ Wr.T + h @ Ur.T + br)
    n = torch.tanh(x @ Wh.T + bh + r * (h @ Uh.T) + bhn)
    return (1 - z) * n + z * h
