"""A GRU that pads a packed sequence and packs its output with the lengths, in the order of the input's own packing."""

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class PackedGRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.GRUCell(input_size, hidden_size)

    def forward(self, packed, hx):
        x, lengths = pad_packed_sequence(packed)
        h, states = hx[0], []
        for t in range(x.size(0)):
            running = (t < lengths).to(x.device).unsqueeze(1)
            h = torch.where(running, self.cell(x[t], h), h)
            states.append(h)
        again = pack_padded_sequence(torch.stack(states), lengths, enforce_sorted=False)
        output = PackedSequence(again.data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
        return output, h[None]
