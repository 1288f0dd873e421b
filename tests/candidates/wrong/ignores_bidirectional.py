import torch
import torch.nn as nn


class SimpleRNN(nn.Module):
    def __init__(self, input_size, hidden_size, bidirectional=False, batch_first=False):
        super().__init__()
        self.bidirectional = bidirectional
        self.batch_first = batch_first
        self.ih = nn.Linear(input_size, hidden_size)
        self.hh = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h0):
        if self.batch_first:
            x = x.transpose(0, 1)
        h, out = h0[0], []
        for xt in x:
            h = torch.tanh(self.ih(xt) + self.hh(h))
            out.append(h)
        out = torch.stack(out, 1 if self.batch_first else 0)
        return out, h.unsqueeze(0)
