"""LSTMs whose constructors name the hidden size first, in words of their own or in none that tell."""

import torch
from torch import nn


class ByWords(nn.Module):
    def __init__(self, lstm_hidden_dim, embedding_size):
        super().__init__()
        self.n = lstm_hidden_dim
        self.x = nn.Linear(embedding_size, 4 * lstm_hidden_dim)
        self.h = nn.Linear(lstm_hidden_dim, 4 * lstm_hidden_dim, bias=False)

    def forward(self, embeds):
        h = c = embeds.new_zeros(embeds.shape[1], self.n)
        hs = []
        for x_t in embeds:
            i, f, g, o = (self.x(x_t) + self.h(h)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            hs.append(h)
        return torch.stack(hs)


class ByTensors(nn.Module):
    def __init__(self, m, d):
        super().__init__()
        self.n = m
        self.W = nn.Parameter(torch.randn(4 * m, d) / m**0.5)
        self.U = nn.Parameter(torch.randn(4 * m, m) / m**0.5)
        self.b = nn.Parameter(torch.zeros(4 * m))

    def forward(self, seq):
        h = c = seq.new_zeros(seq.shape[1], self.n)
        hs = []
        for x_t in seq:
            i, f, g, o = (x_t @ self.W.T + h @ self.U.T + self.b).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            hs.append(h)
        return torch.stack(hs)
