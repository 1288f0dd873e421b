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
        key = [(one._version, one.data_ptr(), one.dtype) for one in (self.ih.weight, self.hh.weight)]
        if self.kept is None or self.kept[0] != key:
            self.kept = key, torch.cat([self.ih.weight, self.hh.weight], 1)
        return self.kept[1]

    def forward(self, x, hx):
        (h, c), weight, outputs = (one[0] for one in hx), self.weight(), []
        for x_t in x:
            i, f, g, o = (torch.cat([x_t, h], 1) @ weight.T + self.ih.bias + self.hh.bias).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs), (h[None], c[None])
