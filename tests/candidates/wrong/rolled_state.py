import torch


def recurrent(seq, hidden, params):
    W_ih, W_hh, b_ih, b_hh = params
    outputs = []
    for step in seq.unbind(dim=1):  # (N, T, I)
        hidden = torch.tanh(step @ W_ih.T + b_ih + hidden.roll(1, 0) @ W_hh.T + b_hh)
        outputs.append(hidden)
    return torch.stack(outputs, dim=1), hidden
