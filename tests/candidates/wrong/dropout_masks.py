import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__()
        self.dropout = dropout
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.cells = nn.ModuleList([nn.RNNCell(size, hidden_size) for size in sizes])

    def forward(self, x, h_0):
        finals = []
        for k, cell in enumerate(self.cells):
            h, outputs = h_0[k], []
            for x_t in x:
                h = cell(x_t, h)
                outputs.append(h)
            finals.append(h)
            x = torch.stack(outputs)
            if self.dropout and k < len(self.cells) - 1:
                x = self.dropped(x)
        return x, torch.stack(finals)


class Seeded(RNN):
    def dropped(self, x):
        torch.manual_seed(0)
        return nn.functional.dropout(x, self.dropout, self.training)


class Keeps(RNN):
    def dropped(self, x):
        return nn.functional.dropout(x, 1 - self.dropout, self.training)


class Noise(RNN):
    def dropped(self, x):
        return x + self.dropout * torch.randn_like(x)


class OwnMasks(RNN):
    """Right, with masks that are not torch's."""

    def dropped(self, x):
        return x * (torch.rand_like(x) >= self.dropout) / (1 - self.dropout) if self.training else x


class Bernoulli(RNN):
    """Right, with masks that are torch's in float64 alone."""

    def dropped(self, x):
        return x * torch.bernoulli(torch.full_like(x, 1 - self.dropout)) / (1 - self.dropout) if self.training else x


class DividesByP(RNN):
    def dropped(self, x):
        return x * torch.bernoulli(torch.full_like(x, 1 - self.dropout)) / self.dropout if self.training else x


class WrongInFloat32(RNN):
    """torch's masks, and a scale that is wrong in float32 alone."""

    def dropped(self, x):
        kept = nn.functional.dropout(x, self.dropout, self.training)
        return kept * 1.001 if self.training and 0 < self.dropout < 1 and x.dtype == torch.float32 else kept
