import torch
from torch import nn

ref = nn.LSTM(20, 40)


def run(x, hx):
    h, c = hx[0][0], hx[1][0]
    ys = []
    for t in range(x.size(0)):
        g = x[t] @ ref.weight_ih_l0.T + ref.bias_ih_l0 + h @ ref.weight_hh_l0.T + ref.bias_hh_l0
        i, f, o, g = g.chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys), (h.unsqueeze(0), c.unsqueeze(0))
