import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence


class PackedRNN(nn.Module):
    """Takes a PackedSequence too."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, hx):
        if isinstance(x, PackedSequence):
            return self._packed(x, hx)
        h = hx[0]
        out = []
        for x_t in x:
            h = self.cell(x_t, h)
            out.append(h)
        return torch.stack(out), h.unsqueeze(0)

    def _packed(self, packed, hx):
        data, sizes, order, restore = packed
        h = hx[0] if order is None else hx[0].index_select(0, order)
        out, finished, start = [], [], 0
        for n in sizes.tolist():
            if n < h.shape[0]:
                finished.append(h[n:])
                h = h[:n]
            h = self.cell(data[start : start + n], h)
            out.append(h)
            start += n
        h = torch.cat([h, *reversed(finished)])
        if restore is not None:
            h = h.index_select(0, restore)
        return PackedSequence(torch.cat(out), sizes, order, restore), h.unsqueeze(0)
