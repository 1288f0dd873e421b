import torch
from torch import nn


class ChunkedGRU(nn.Module):
    """Processes the batch in chunks to save memory."""

    def __init__(self, input_size, hidden_size, chunk=8):
        super().__init__()
        self.cell = nn.GRUCell(input_size, hidden_size)
        self.chunk = chunk
        self.hidden_size = hidden_size

    def forward(self, x, mem=None):
        if mem is None:
            mem = x.new_zeros(1, x.size(1), self.hidden_size)
        outs, finals = [], []
        for lo in range(0, x.size(1), self.chunk):
            hi = min(lo + self.chunk, x.size(1))
            h = mem[0, : hi - lo]
            ys = []
            for t in range(x.size(0)):
                h = self.cell(x[t, lo:hi], h)
                ys.append(h)
            outs.append(torch.stack(ys))
            finals.append(h)
        return torch.cat(outs, 1), torch.cat(finals).unsqueeze(0)
