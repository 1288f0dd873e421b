import torch
from torch import nn


class CharRNN(nn.Module):
    """returns hidden states (B, T, H), last state (B, H), logits (B, T, V)"""

    def __init__(self, input_size, hidden_size, vocab=65):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, vocab)

    def forward(self, x, h):
        hs = []
        for t in range(x.size(1)):
            h = torch.tanh(self.i2h(x[:, t]) + self.h2h(h))
            hs.append(h)
        hs = torch.stack(hs, 1)
        return hs, h, self.h2o(hs)
