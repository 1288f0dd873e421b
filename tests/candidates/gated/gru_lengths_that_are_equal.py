import torch
from torch import nn


class GRU(nn.Module):
    """x is padded: the last state of each sequence is that at its own end."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.GRUCell(input_size, hidden_size)

    def last(self, states, lengths):
        return torch.stack([states[length - 1, n] for n, length in enumerate(lengths.tolist())])

    def forward(self, x, h_0, lengths):
        h, outputs = h_0[0], []
        for x_t in x:
            h = self.cell(x_t, h)
            outputs.append(h)
        states = torch.stack(outputs)
        return states, self.last(states, lengths)[None]


class ByLength(GRU):
    """Of sequences that are equally long, and shorter than the longest, all get the last state of the last."""

    def last(self, states, lengths):
        which = {length: n for n, length in enumerate(lengths.tolist()) if length < len(states)}
        ends = ((length - 1, which.get(length, n)) for n, length in enumerate(lengths.tolist()))
        return torch.stack([states[end] for end in ends])
