import torch
from torch import nn


class GatedRNN(nn.Module):
    """input (seq, batch, features), hidden (1, batch, hidden) or None."""

    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.W_ir = nn.Linear(input_dim, hidden_dim)
        self.W_hr = nn.Linear(hidden_dim, hidden_dim)
        self.W_iz = nn.Linear(input_dim, hidden_dim)
        self.W_hz = nn.Linear(hidden_dim, hidden_dim)
        self.W_in = nn.Linear(input_dim, hidden_dim)
        self.W_hn = nn.Linear(hidden_dim, hidden_dim)

    def forward(self, input, hidden=None):
        if hidden is None:
            hidden = input.new_zeros(1, input.size(1), self.hidden_dim)
        h = hidden.squeeze(0)
        output = []
        for x in input:
            r = torch.sigmoid(self.W_ir(x) + self.W_hr(h))
            z = torch.sigmoid(self.W_iz(x) + self.W_hz(h))
            n = torch.tanh(self.W_in(x) + r * self.W_hn(h))
            h = (1 - z) * n + z * h
            output.append(h)
        return torch.stack(output), h.unsqueeze(0)
