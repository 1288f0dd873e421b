import torch
import torch.nn as nn


class BRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        # rnn2 goes from left to right, rnn1 from right to left
        self.rnn1 = nn.RNNCell(input_size, hidden_size)
        self.rnn2 = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, h0):
        h2, h1 = h0[0], h0[1]
        fwd, bwd = [], []
        for t in range(len(x)):
            h2 = self.rnn2(x[t], h2)
            h1 = self.rnn1(x[len(x) - 1 - t], h1)
            fwd.append(h2)
            bwd.append(h1)
        bwd.reverse()
        out = torch.cat([torch.stack(fwd), torch.stack(bwd)], dim=-1)
        return out, torch.stack([h2, h1])
