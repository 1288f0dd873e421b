import torch
from torch import nn


class RNNScratch(nn.Module):
    def __init__(self, num_inputs, num_hiddens, sigma=0.01):
        super().__init__()
        self.num_hiddens = num_hiddens
        self.W_xh = nn.Parameter(torch.randn(num_inputs, num_hiddens) * sigma)
        self.W_hh = nn.Parameter(torch.randn(num_hiddens, num_hiddens) * sigma)
        self.b_h = nn.Parameter(torch.zeros(num_hiddens))

    def forward(self, inputs, state):
        outputs = []
        for X in inputs:
            state = torch.tanh(X @ self.W_xh + state @ self.W_hh + self.b_h)
            outputs.append(state)
        return outputs, state


class BiRNNScratch(nn.Module):
    def __init__(self, num_inputs, num_hiddens):
        super().__init__()
        self.f_rnn = RNNScratch(num_inputs, num_hiddens)
        self.b_rnn = RNNScratch(num_inputs, num_hiddens)

    def forward(self, inputs, Hs):
        """inputs (steps, batch, in); Hs is a pair of (batch, hidden)."""
        f_H, b_H = Hs
        f_out, f_H = self.f_rnn(inputs, f_H)
        b_out, b_H = self.b_rnn(inputs.flip(0), b_H)
        return [torch.cat(p, -1) for p in zip(f_out, b_out)], (f_H, b_H)
