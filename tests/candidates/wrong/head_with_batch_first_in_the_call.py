"""RNNs with a head on each step that are asked for batch_first in the call, which transposes the input."""

import torch
from torch import nn


class BothWays(nn.Module):
    def __init__(self, input_dim, hidden_dim, output_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.W_xh = nn.Linear(input_dim, hidden_dim)
        self.W_hh = nn.Linear(hidden_dim, hidden_dim)
        self.W_hy = nn.Linear(hidden_dim, output_dim)

    def forward(self, x, hidden=None, batch_first=False):
        ys, hidden = self.walked(x.transpose(0, 1) if batch_first else x, hidden)
        return (ys.transpose(0, 1) if batch_first else ys), hidden

    def walked(self, x, hidden):
        hidden = x.new_zeros(x.size(1), self.hidden_dim) if hidden is None else hidden
        ys = []
        for x_t in x:
            hidden = torch.tanh(self.W_xh(x_t) + self.W_hh(hidden))
            ys.append(self.W_hy(hidden))
        return torch.stack(ys), hidden


class InAlone(BothWays):
    """Wrong: the logits stay time-first."""

    def forward(self, x, hidden=None, batch_first=False):
        return self.walked(x.transpose(0, 1) if batch_first else x, hidden)
