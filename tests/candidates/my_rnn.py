import math

import torch
from torch import nn
from torch.nn import functional as F


class MyRNN(nn.Module):
    """Same arguments, parameters and results as nn.RNN."""

    def __init__(self, input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True, batch_first=False,
                 dropout=0.0, bidirectional=False):
        super().__init__()
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.batch_first, self.dropout = batch_first, dropout
        self.act = {"tanh": torch.tanh, "relu": torch.relu}[nonlinearity]
        self.suffixes = ["", "_reverse"] if bidirectional else [""]
        for k in range(num_layers):
            n_in = input_size if k == 0 else hidden_size * len(self.suffixes)
            for s in self.suffixes:
                setattr(self, f"weight_ih_l{k}{s}", nn.Parameter(torch.empty(hidden_size, n_in)))
                setattr(self, f"weight_hh_l{k}{s}", nn.Parameter(torch.empty(hidden_size, hidden_size)))
                for name in ("bias_ih", "bias_hh"):
                    setattr(self, f"{name}_l{k}{s}", nn.Parameter(torch.empty(hidden_size)) if bias else None)
        for p in self.parameters():
            nn.init.uniform_(p, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))

    def forward(self, input, hx=None):
        x = input.transpose(0, 1) if self.batch_first else input
        if hx is None:
            hx = x.new_zeros(self.num_layers * len(self.suffixes), x.size(1), self.hidden_size)
        h_n, i = [], 0
        for k in range(self.num_layers):
            if k and self.dropout:
                x = F.dropout(x, self.dropout, self.training)
            both = []
            for s in self.suffixes:
                w_ih, w_hh, b_ih, b_hh = (getattr(self, f"{n}_l{k}{s}")
                                          for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
                h, hs = hx[i], []
                for x_t in (x.flip(0) if s else x):
                    h = self.act(F.linear(x_t, w_ih, b_ih) + F.linear(h, w_hh, b_hh))
                    hs.append(h)
                both.append(torch.stack(hs[::-1] if s else hs))
                h_n.append(h)
                i += 1
            x = torch.cat(both, -1)
        return (x.transpose(0, 1) if self.batch_first else x), torch.stack(h_n)
