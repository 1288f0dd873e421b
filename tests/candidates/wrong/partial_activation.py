from functools import partial

import torch


def _rnn(x, h, W_ih, W_hh, b_ih, b_hh, act):
    hs = []
    for x_t in x:
        h = act(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        hs.append(h)
    return torch.stack(hs), h


rnn_tanh = partial(_rnn, act=torch.nn.functional.softsign)
rnn_relu = partial(_rnn, act=torch.relu)
