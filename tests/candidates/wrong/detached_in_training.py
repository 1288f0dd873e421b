import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)
        self.hidden_size = hidden_size

    def forward(self, x, h=None):
        h = x.new_zeros(x.shape[1], self.hidden_size) if h is None else h[0]
        ys = []
        for x_t in x:
            h = self.cell(x_t, h.detach() if self.training else h)
            ys.append(h)
        return torch.stack(ys), h[None]
