import torch

KINDS = ("x", "h")


def elman(x, h0, params):
    """params["W_x"], params["W_h"], params["b_x"], params["b_h"]"""
    h = h0
    out = []
    for t in range(len(x)):
        z = 0
        for k, v in zip(KINDS, (x[t], h)):
            z = z + v @ params["W_" + k].T + params["b_" + k]
        h = torch.tanh(z)
        out.append(h)
    return torch.stack(out), h
