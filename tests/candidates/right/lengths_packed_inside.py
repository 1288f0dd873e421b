import torch
from torch import nn
from torch.nn.utils.rnn import pad_packed_sequence, pack_padded_sequence


class WithLengths(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size)

    def forward(self, x, lengths, h0=None):
        packed = pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False)
        out, h = self.rnn(packed, h0)
        out, _ = pad_packed_sequence(out, total_length=x.size(0))
        return out, h
