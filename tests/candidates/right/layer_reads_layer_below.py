import torch


def multilayer(x, h0, weights):
    """x (L, N, I), h0 (layers, N, H), weights: a list of (w_ih, w_hh, b_ih, b_hh), one per layer"""
    finals = []
    out = x
    for k, (w_ih, w_hh, b_ih, b_hh) in enumerate(weights):
        h, ys = h0[k], []
        for t in range(len(x)):
            h = torch.tanh(out[t] @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
            ys.append(h)
        finals.append(h)
        out = torch.stack(ys)
    return out, torch.stack(finals)
