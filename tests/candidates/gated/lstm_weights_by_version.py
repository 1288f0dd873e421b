import torch
from torch import nn


class LSTM(nn.Module):
    """Both matrices side by side are kept as long as their versions are the same, where no gradient is needed."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.ih, self.hh = nn.Linear(input_size, 4 * hidden_size), nn.Linear(hidden_size, 4 * hidden_size)
        self.kept = None

    def weight(self):
        if torch.is_grad_enabled():
            return torch.cat([self.ih.weight, self.hh.weight], 1)
        weights = self.ih.weight, self.hh.weight
        versions = [(id(one), one._version) for one in weights]
        if self.kept is None or self.kept[0] != versions:
            self.kept = versions, weights, torch.cat(weights, 1)  # what is kept has an id of its own
        return self.kept[2]

    def forward(self, x, hx):
        (h, c), weight, outputs = (one[0] for one in hx), self.weight(), []
        for x_t in x:
            i, f, g, o = (torch.cat([x_t, h], 1) @ weight.T + self.ih.bias + self.hh.bias).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs), (h[None], c[None])
