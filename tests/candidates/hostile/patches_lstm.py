"""A right RNN whose file gives nn.LSTM another forward."""

import torch
from torch import nn


def rnn_forward(input, weight_ih, weight_hh, bias_ih, bias_hh, h_0):
    h, out = h_0[0], []
    for t in range(input.shape[1]):
        h = torch.tanh(input[:, t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)
        out.append(h)
    return torch.stack(out, dim=1), h.unsqueeze(0)


_before = nn.LSTM.forward
nn.LSTM.forward = lambda self, *given: _before(self, *given)
