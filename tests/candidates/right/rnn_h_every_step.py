import torch


def rnn_forward(x, W_ih, W_hh, b_ih, b_hh, h0):
    """x: (batch, seq, features), h0: (batch, hidden)"""
    seq_len = x.size(1)
    outs = []
    h = h0
    for t in range(seq_len):
        h = torch.tanh(x[:, t] @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        outs.append(h)
    return torch.stack(outs, dim=1), h
