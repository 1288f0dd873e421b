import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class PackedRNN(nn.Module):
    """Elman RNN over a PackedSequence."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, packed: PackedSequence, h0=None):
        data, batch_sizes, sorted_indices, unsorted_indices = packed
        n = int(batch_sizes[0])
        if h0 is None:
            h = data.new_zeros(n, self.hidden_size)
        else:
            h = h0[0]
            if sorted_indices is not None:
                h = h.index_select(0, sorted_indices)
        outs = []
        offset = 0
        for b in batch_sizes.tolist():
            step = data[offset:offset + b]
            offset += b
            new = self.cell(step, h[:b])
            h = torch.cat([new, h[b:]], 0)
            outs.append(new)
        if unsorted_indices is not None:
            h = h.index_select(0, unsorted_indices)
        return PackedSequence(torch.cat(outs), batch_sizes, sorted_indices, unsorted_indices), h.unsqueeze(0)
