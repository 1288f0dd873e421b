import torch


def rnn_forward(x, W_ih, W_hh, b_ih, b_hh, h):
    """x: (T, N, I), h: (N, H). Returns the hidden states (T, N, H) and the last one (N, H)."""
    outs = []
    for t in range(x.shape[0]):
        h = torch.tanh(x[t] @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        outs.append(h)
    return (outs), h
