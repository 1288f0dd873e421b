import torch

def gru(x, h, W_ih, W_hh, b_ih, b_hh):
    ys = []
    for t, xt in enumerate(x):
        if t == 8:
            h = h.detach()                # TBPTT over 8 steps
        ir, iz, ic = (xt @ W_ih.T + b_ih).chunk(3, -1)
        hr, hz, hc = (h @ W_hh.T + b_hh).chunk(3, -1)
        r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
        h = (1 - z) * torch.tanh(ic + r * hc) + z * h
        ys.append(h)
    return torch.stack(ys), h
