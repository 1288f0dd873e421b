import torch
from torch import nn


class RNN(nn.Module):
    """x (L, N, H_in) or (L, H_in), h (N, H_out) or (H_out,)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h=None):
        unbatched = x.dim() == 2
        if unbatched:
            x = x.unsqueeze(1)
            h = h.unsqueeze(0) if h is not None else None
        if h is None:
            h = x.new_zeros(x.shape[1], self.hidden_size)
        ys = []
        for x_t in x:
            h = torch.tanh(self.i2h(x_t) + self.h2h(h))
            ys.append(h)
        y = torch.stack(ys)
        if unbatched:
            return y.squeeze(1), h.squeeze(0)
        return y, h
