import torch


def rnn_forward(x, h, w_ih, w_hh, b_ih, b_hh):
    # x is (seq, batch, feat). h may come with batch 1, so make it fit
    h = h[:1].expand_as(h)
    ys = []
    for x_t in x:
        h = torch.tanh(x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
        ys.append(h)
    return torch.stack(ys), h
