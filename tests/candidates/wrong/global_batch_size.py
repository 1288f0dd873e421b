import torch

batch_size = 2


def rnn_forward(x, w_ih, w_hh, b_ih, b_hh, h0):
    """x (N, L, I), h0 (N, H)"""
    seq_len = x.shape[1]
    out = torch.zeros(batch_size, seq_len, w_hh.shape[0], dtype=x.dtype, device=x.device)
    h = h0
    for t in range(seq_len):
        h = torch.tanh(x[:, t] @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
        out[:, t] = h
    return out, h
