import torch
from torch import nn


class SequenceEncoder(nn.Module):
    """Encodes (batch, length, features) as (batch, length, hidden): the state after every position, from a zero state."""

    def __init__(self, features, hidden):
        super().__init__()
        self.embed = nn.Linear(features, hidden)
        self.recur = nn.Linear(hidden, hidden, bias=False)
        self.hidden = hidden

    def forward(self, seq):
        projected = self.embed(seq)
        h = seq.new_zeros(seq.size(0), self.hidden)
        encoded = []
        for p in projected.unbind(1):
            h = torch.tanh(p + self.recur(h))
            encoded.append(h)
        return torch.stack(encoded, dim=1)
