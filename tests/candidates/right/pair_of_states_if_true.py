import torch
from torch import nn


class BiRNN(nn.Module):
    def __init__(self, num_inputs, num_hiddens):
        super().__init__()
        self.f_x, self.f_h = nn.Linear(num_inputs, num_hiddens), nn.Linear(num_hiddens, num_hiddens)
        self.b_x, self.b_h = nn.Linear(num_inputs, num_hiddens), nn.Linear(num_hiddens, num_hiddens)
        self.num_hiddens = num_hiddens

    def run(self, inputs, H, x2h, h2h):
        if H is None:
            H = torch.zeros(inputs.shape[1], self.num_hiddens, dtype=inputs.dtype)
        out = []
        for X in inputs:
            H = torch.tanh(x2h(X) + h2h(H))
            out.append(H)
        return out, H

    def forward(self, inputs, Hs=None):
        f_H, b_H = Hs if Hs else (None, None)
        f_out, f_H = self.run(inputs, f_H, self.f_x, self.f_h)
        b_out, b_H = self.run(inputs.flip(0), b_H, self.b_x, self.b_h)
        return torch.stack([torch.cat((f, b), -1) for f, b in zip(f_out, reversed(b_out))]), (f_H, b_H)
