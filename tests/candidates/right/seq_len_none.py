import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, seq, seq_len=None):
        """seq_len: the number of steps of each sequence, to take its last state"""
        h, hs = seq.new_zeros(seq.shape[1], self.cell.hidden_size), []
        for x_t in seq:
            h = self.cell(x_t, h)
            hs.append(h)
        output = torch.stack(hs)
        return output if seq_len is None else output[seq_len - 1, torch.arange(len(seq_len))]
