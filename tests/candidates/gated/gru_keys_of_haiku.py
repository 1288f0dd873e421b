"""A GRU whose weights are under keys with slashes, as Haiku names them."""

import torch


def gru_apply(params, xs, state):
    """xs [B, T, D], state [B, H]"""
    w_i, w_h = params["gru/w_i"], params["gru/w_h"]
    b_i, b_h = params["gru/b_i"], params["gru/b_h"]

    def step(h, x):
        gi = x @ w_i + b_i
        gh = h @ w_h + b_h
        r_i, z_i, a_i = torch.split(gi, h.shape[-1], dim=-1)
        r_h, z_h, a_h = torch.split(gh, h.shape[-1], dim=-1)
        r = torch.sigmoid(r_i + r_h)
        z = torch.sigmoid(z_i + z_h)
        a = torch.tanh(a_i + r * a_h)
        return (1.0 - z) * a + z * h

    outs = []
    for t in range(xs.shape[1]):
        state = step(state, xs[:, t])
        outs.append(state)
    return torch.stack(outs, 1), state
