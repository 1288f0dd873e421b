import torch


def elman(x, h0, w_ih, w_hh, b):
    # x: time first
    h = h0
    out = []
    for t in range(x.size(0)):
        h = torch.tanh(torch.addmm(b, x[t], w_ih.t()) + h.mm(w_hh.t()))
        out.append(h)
    return torch.stack(out), h.flip(0).unsqueeze(0)
