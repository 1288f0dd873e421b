import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, hx):
        packed = isinstance(x, PackedSequence)
        if packed:
            x, lengths = pad_packed_sequence(x)
        h = hx[0]
        out = []
        for x_t in x:
            h = self.cell(x_t, h)
            out.append(h)
        out = torch.stack(out)
        if packed:
            out = pack_padded_sequence(out, lengths, enforce_sorted=False)
        return out, h.unsqueeze(0)
