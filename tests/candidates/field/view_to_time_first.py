import torch
import torch.nn as nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.rnn_cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, h):
        # input is (batch, seq, feature), the loop needs (seq, batch, feature)
        batch, seq, feature = x.size()
        x = x.reshape(seq, batch, feature)
        out = []
        for i in range(seq):
            h = self.rnn_cell(x[i], h)
            out.append(h)
        out = torch.stack(out)
        return out.permute(1, 0, 2), h
