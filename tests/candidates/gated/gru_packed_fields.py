import torch
import torch.nn as nn
from torch.nn.utils.rnn import PackedSequence


class PackedGRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.GRUCell(input_size, hidden_size)

    def forward(self, packed, h_0):
        data, sizes, order, back = packed
        h = h_0[0] if order is None else h_0[0][order]
        outputs, finished, start = [], [], 0
        for n in sizes.tolist():
            if n < len(h):
                finished.insert(0, h[n:])
                h = h[:n]
            h = self.cell(data[start : start + n], h)
            outputs.append(h)
            start += n
        h = torch.cat([h, *finished])
        if back is not None:
            h = h[back]
        return PackedSequence(torch.cat(outputs), sizes, order, back), h.unsqueeze(0)
