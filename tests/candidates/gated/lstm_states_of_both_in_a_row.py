import torch
import torch.nn as nn


class BiLSTM(nn.Module):
    """Returns what Keras' Bidirectional(LSTM(return_sequences=True, return_state=True)) does."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.f = nn.LSTMCell(input_size, hidden_size)
        self.b = nn.LSTMCell(input_size, hidden_size)

    def walk(self, cell, xs):
        h = c = xs[0].new_zeros(xs[0].shape[0], cell.hidden_size)
        ys = []
        for x in xs:
            h, c = cell(x, (h, c))
            ys.append(h)
        return ys, h, c

    def forward(self, x):
        xs = list(x.unbind(1))
        fy, fh, fc = self.walk(self.f, xs)
        by, bh, bc = self.walk(self.b, xs[::-1])
        y = torch.cat([torch.stack(fy, 1), torch.stack(by[::-1], 1)], -1)
        return y, fh, fc, bh, bc


class ByState(BiLSTM):
    def forward(self, x):
        y, h_f, c_f, h_b, c_b = super().forward(x)
        return y, h_f, h_b, c_f, c_b


class ReverseFirst(BiLSTM):
    def forward(self, x):
        y, h_f, c_f, h_b, c_b = super().forward(x)
        return y, h_b, c_b, h_f, c_f


class OutputAndH(BiLSTM):
    def forward(self, x):
        y, h_f, c_f, h_b, c_b = super().forward(x)
        return y, y[:, -1, : self.f.hidden_size], c_f, y[:, -1, self.f.hidden_size :], c_b
