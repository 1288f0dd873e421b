import torch


def step(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


def bi_rnn(
    input,
    weight_ih, weight_hh, bias_ih, bias_hh, h_prev,
    weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse, h_prev_reverse,
):
    """input: batch x time x features"""
    T = input.size(1)
    fwd = []
    h = h_prev
    for t in range(T):
        h = step(input[:, t], h, weight_ih, weight_hh, bias_ih, bias_hh)
        fwd.append(h)

    bwd = []
    g = h_prev_reverse
    for t in range(T - 1, -1, -1):
        g = step(input[:, t], g, weight_ih_reverse, weight_hh_reverse, bias_ih_reverse, bias_hh_reverse)
        bwd.append(g)

    out = torch.cat([torch.stack(fwd, dim=1), torch.stack(bwd, dim=1)], dim=2)
    return out, torch.stack([h, g])
