import torch
from torch import nn


class BernoulliRNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=2, dropout=0.0):
        super().__init__()
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.p, self.cells = dropout, nn.ModuleList([nn.RNNCell(size, hidden_size) for size in sizes])

    def drop(self, x):
        return x * torch.bernoulli(torch.full_like(x, 1 - self.p)) / (1 - self.p)

    def forward(self, x, h0=None):
        h0 = x.new_zeros(len(self.cells), x.size(1), self.cells[0].hidden_size) if h0 is None else h0
        finals = []
        for k, cell in enumerate(self.cells):
            x = self.drop(x) if k and self.training and self.p else x
            h, y = h0[k], []
            for xt in x:
                h = cell(xt, h)
                y.append(h)
            x = torch.stack(y)
            finals.append(h)
        return x, torch.stack(finals)


class DividesByP(BernoulliRNN):
    def drop(self, x):
        return x * torch.bernoulli(torch.full_like(x, 1 - self.p)) / self.p
