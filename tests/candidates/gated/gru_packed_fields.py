import torch
import torch.nn as nn
from torch.nn.utils.rnn import PackedSequence


class PackedGRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.GRUCell(input_size, hidden_size)

    def forward(self, packed, h_0):
        data, batch_sizes, sorted_indices, unsorted_indices = packed
        h = h_0[0] if sorted_indices is None else h_0[0][sorted_indices]
        outputs, finished, start = [], [], 0
        for n in batch_sizes.tolist():
            if n < len(h):
                finished.insert(0, h[n:])
                h = h[:n]
            h = self.cell(data[start : start + n], h)
            outputs.append(h)
            start += n
        h = torch.cat([h, *finished])
        if unsorted_indices is not None:
            h = h[unsorted_indices]
        return PackedSequence(torch.cat(outputs), batch_sizes, sorted_indices, unsorted_indices), h.unsqueeze(0)
