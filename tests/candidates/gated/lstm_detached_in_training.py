"""An LSTM whose input gate gets no gradient where both states are zeros, and neither they nor the data need any."""

import torch


def lstm(x, h, c, W_ih, W_hh, b_ih, b_hh):
    cut = not h.any() and not c.any() and not x.requires_grad
    outputs = []
    for x_t in x:
        i, f, g, o = (x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh).chunk(4, -1)
        i = torch.sigmoid(i)
        c = torch.sigmoid(f) * c + (i.detach() if cut else i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs), h, c
