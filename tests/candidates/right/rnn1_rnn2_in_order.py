import torch
import torch.nn as nn


class BRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.rnn1 = nn.RNNCell(input_size, hidden_size)
        self.rnn2 = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, h0):
        h1, h2 = h0[0], h0[1]
        fwd, bwd = [], []
        for t in range(len(x)):
            h1 = self.rnn1(x[t], h1)
            h2 = self.rnn2(x[len(x) - 1 - t], h2)
            fwd.append(h1)
            bwd.append(h2)
        bwd.reverse()
        out = torch.cat([torch.stack(fwd), torch.stack(bwd)], dim=-1)
        return out, torch.stack([h1, h2])
