import torch


def elman(x, h, params):
    out = []
    for t in range(len(x)):
        z = 0
        for k, v in (("x", x[t]), ("h", h)):
            z = z + v @ params["W_" + k].T + params["b_" + k]
        h = torch.tanh(z)
        out.append(h)
    return torch.stack(out), h
