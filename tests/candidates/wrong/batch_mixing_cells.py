import torch
from torch import nn


class MeanCell(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.wx = nn.Linear(n_in, n_hidden)
        self.wh = nn.Linear(n_hidden, n_hidden)

    def forward(self, x, h):
        return torch.tanh(self.wx(x) + self.wh(h).mean(0))


class ExpandCell(MeanCell):
    def forward(self, x, h):
        return torch.tanh(self.wx(x) + self.wh(h[:1].expand_as(h)))


class RollCell(MeanCell):
    def forward(self, x, h):
        return torch.tanh(self.wx(x) + self.wh(h.roll(1, 0)))


class SortCell(MeanCell):
    def forward(self, x, h):
        return torch.tanh(self.wx(x) + self.wh(h.sort(0).values))


class PlainCell(MeanCell):
    def forward(self, x, h):
        return torch.tanh(self.wx(x) + self.wh(h))
