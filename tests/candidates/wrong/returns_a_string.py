import torch


def rnn_forward(x, h, w_ih, w_hh, b_ih, b_hh):
    for x_t in x:
        h = torch.tanh(x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
    return f"final state: {h.shape}"
