import torch
import torch.nn as nn


class VarLenGRU(nn.Module):
    """x (N, L, D), lengths (N,): zeros after a sequence's end, h_n from its last real step."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.GRUCell(input_size, hidden_size)

    def forward(self, x, lengths, h0):
        h = h0[0]
        ys = []
        for t in range(x.size(1)):
            alive = (t < lengths).to(x.dtype).unsqueeze(1)
            h = alive * self.cell(x[:, t], h) + (1 - alive) * h
            ys.append(alive * h)
        return torch.stack(ys, 1), h.unsqueeze(0)
