"""Modules whose sizes are written into their constructors: no argument gives them."""

import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.w_ih = nn.Parameter(torch.randn(4, 3) * 0.1)
        self.w_hh = nn.Parameter(torch.randn(4, 4) * 0.1)
        self.b = nn.Parameter(torch.zeros(4))

    def forward(self, x, h):
        h = h[0]
        outputs = []
        for x_t in x:
            h = torch.tanh(x_t @ self.w_ih.T + h @ self.w_hh.T + self.b)
            outputs.append(h)
        return torch.stack(outputs), h.unsqueeze(0)


class Gained(RNN):
    """With a parameter that no weight of nn.RNN is."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.rand(4) + 1)

    def forward(self, x, h):
        h = h[0]
        outputs = []
        for x_t in x:
            h = torch.tanh(self.gain * (x_t @ self.w_ih.T + h @ self.w_hh.T + self.b))
            outputs.append(h)
        return torch.stack(outputs), h.unsqueeze(0)


class OfTorch(nn.Module):
    """In a trial of three sequences its input in columns would have three features."""

    def __init__(self, dropout=0.1):
        super().__init__()
        self.rnn = nn.RNN(3, 4)

    def forward(self, x):
        return self.rnn(x)


def make_rnn():
    return RNN()


class GRU(nn.Module):
    """One of its sizes is given, and it has a matrix for both x and h."""

    def __init__(self, input_dim):
        super().__init__()
        self.Wz = nn.Linear(input_dim + 64, 64)
        self.Wr = nn.Linear(input_dim + 64, 64)
        self.Wn = nn.Linear(input_dim, 64)
        self.Un = nn.Linear(64, 64)

    def forward(self, x, h=None):
        h = torch.zeros(x.shape[1], 64, dtype=x.dtype) if h is None else h[0]
        outputs = []
        for x_t in x:
            both = torch.cat([x_t, h], -1)
            z, r = torch.sigmoid(self.Wz(both)), torch.sigmoid(self.Wr(both))
            n = torch.tanh(self.Wn(x_t) + r * self.Un(h))
            h = z * h + (1 - z) * n
            outputs.append(h)
        return torch.stack(outputs), h[None]


class LSTM(nn.Module):
    """With a layer after it, of a size that has a default."""

    def __init__(self, num_classes=5):
        super().__init__()
        self.cell = nn.LSTMCell(28, 64)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, x):
        state, outputs = None, []
        for x_t in x:
            state = self.cell(x_t, state)
            outputs.append(state[0])
        return torch.stack(outputs)


class Tagger(nn.Module):
    """Its hidden size is that of the head of other trials."""

    def __init__(self):
        super().__init__()
        self.Wr, self.Ur = nn.Linear(6, 9), nn.Linear(9, 9)
        self.Wz, self.Uz = nn.Linear(6, 9), nn.Linear(9, 9)
        self.Wn, self.Un = nn.Linear(6, 9), nn.Linear(9, 9)
        self.head = nn.Linear(9, 4)

    def forward(self, x, h=None):
        h = x.new_zeros(x.size(1), 9) if h is None else h[0]
        outputs = []
        for x_t in x:
            r = torch.sigmoid(self.Wr(x_t) + self.Ur(h))
            z = torch.sigmoid(self.Wz(x_t) + self.Uz(h))
            n = torch.tanh(self.Wn(x_t) + r * self.Un(h))
            h = (1 - z) * n + z * h
            outputs.append(h)
        return torch.stack(outputs), h[None]


class Joined(nn.Module):
    """All of its matrices are for both x and h."""

    def __init__(self):
        super().__init__()
        self.cells = nn.ModuleList([nn.Linear(5 + 8, 8), nn.Linear(8 + 8, 8)])

    def forward(self, x, h_0=None):
        hs = list(x.new_zeros(2, x.size(1), 8) if h_0 is None else h_0)
        outputs = []
        for y in x:
            for k, cell in enumerate(self.cells):
                y = hs[k] = torch.tanh(cell(torch.cat([y, hs[k]], dim=1)))
            outputs.append(y)
        return torch.stack(outputs), torch.stack(hs)


class OfOneFeature(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.RNNCell(1, 16)

    def forward(self, x, h_0):
        h, outputs = h_0[0], []
        for x_t in x:
            h = self.cell(x_t, h)
            outputs.append(h)
        return torch.stack(outputs), h[None]


class ByHandOfOneFeature(nn.Module):
    def __init__(self):
        super().__init__()
        self.W, self.U = nn.Linear(1, 7), nn.Linear(7, 7)

    def forward(self, x, h_0):
        h, outputs = h_0[0], []
        for x_t in x:
            h = torch.tanh(self.W(x_t) + self.U(h))
            outputs.append(h)
        return torch.stack(outputs), h[None]


class WithTable(ByHandOfOneFeature):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.W, self.U = nn.Linear(8, 8), nn.Linear(8, 8)


class BesideOthers(nn.Module):
    """Square matrices of one size, that it does not run, beside an LSTM of the sizes it is given."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.both = nn.Linear(input_size + hidden_size, 4 * hidden_size)
        self.first, self.second = nn.Linear(16, 16), nn.Linear(16, 16)

    def forward(self, x, state):
        h, c, outputs = state[0][0], state[1][0], []
        for x_t in x:
            i, f, g, o = self.both(torch.cat([x_t, h], 1)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs), (h[None], c[None])


made = BesideOthers(20, 40)
