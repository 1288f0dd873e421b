import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, batch_first=False):
        super().__init__()
        self.hidden_size, self.batch_first = hidden_size, batch_first
        self.cell = nn.RNNCell(input_size, hidden_size)

    def _run(self, x, h, lengths=None):
        ys = []
        for t in range(x.size(0)):
            n = self.cell(x[t], h)
            h = n if lengths is None else torch.where((t < lengths)[:, None], n, h)
            ys.append(h)
        return torch.stack(ys), h

    def forward(self, x, hx=None):
        if isinstance(x, PackedSequence):
            x, lengths = pad_packed_sequence(x)
            h = x.new_zeros(x.size(1), self.hidden_size) if hx is None else hx[0]
            y, h = self._run(x, h, lengths)
            return pack_padded_sequence(y, lengths, enforce_sorted=False), h[None]
        unbatched = x.dim() == 2
        bd = 0 if self.batch_first else 1
        if unbatched:
            x = x.unsqueeze(bd)
            hx = None if hx is None else hx.unsqueeze(1)
        if self.batch_first:
            x = x.transpose(0, 1)
        h = x.new_zeros(x.size(1), self.hidden_size) if hx is None else hx[0]
        y, h = self._run(x, h)
        if self.batch_first:
            y = y.transpose(0, 1)
        hn = h[None]
        if unbatched:
            y, hn = y.squeeze(bd), hn.squeeze(1)
        return y, hn
