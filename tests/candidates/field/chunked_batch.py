import torch
from torch import nn


class ChunkedRNN(nn.Module):
    """Walks the batch in chunks of 4, to save memory."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, h0):
        outs, lasts = [], []
        for xs, h in zip(x.split(4, dim=1), h0.split(4, dim=0)):
            ys = []
            for x_t in xs:
                h = self.cell(x_t, h)
                ys.append(h)
            outs.append(torch.stack(ys))
            lasts.append(h)
        return torch.cat(outs, 1), torch.cat(lasts, 0)
