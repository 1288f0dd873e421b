"""LSTMs that keep h and c side by side in one tensor, (N, 2 H)."""

import torch
from torch import nn


class Cell(nn.Module):
    """One step. The state is one tensor (N, 2 * H): h and c side by side."""

    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.n_hidden = n_hidden
        self.x2h = nn.Linear(n_in, 4 * n_hidden)
        self.h2h = nn.Linear(n_hidden, 4 * n_hidden)

    def forward(self, x, state):
        h, c = state.split(self.n_hidden, dim=1)
        i, f, g, o = (self.x2h(x) + self.h2h(h)).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return torch.cat([h, c], dim=1)


class Layer(nn.Module):
    """(T, N, I), (N, 2H) -> (T, N, H), (N, 2H); c stands first."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.lin = nn.Linear(input_size + hidden_size, 4 * hidden_size)

    def forward(self, x, hc=None):
        if hc is None:
            hc = x.new_zeros(x.shape[1], 2 * self.hidden_size)
        c, h = hc[:, : self.hidden_size], hc[:, self.hidden_size :]
        ys = []
        for x_t in x:
            i, f, g, o = torch.chunk(self.lin(torch.cat((x_t, h), -1)), 4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), torch.cat((c, h), -1)


class Exchanged(Layer):
    """Gives the two back in another order than it takes them."""

    def forward(self, x, hc=None):
        if hc is None:
            hc = x.new_zeros(x.shape[1], 2 * self.hidden_size)
        h, c = torch.chunk(hc, 2, dim=-1)
        ys = []
        for x_t in x:
            i, f, g, o = torch.chunk(self.lin(torch.cat((x_t, h), -1)), 4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), torch.cat((c, h), -1)


def step(x, state, weight_ih, weight_hh, bias):
    n = weight_hh.shape[1]
    h, c = state[..., :n], state[..., n:]
    i, f, g, o = (x @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.cat([torch.sigmoid(o) * torch.tanh(c), c], -1)
