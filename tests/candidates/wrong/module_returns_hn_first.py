import torch
from torch import nn


class Elman(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.input2hidden = nn.Linear(input_size, hidden_size)
        self.hidden2hidden = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, hx):
        # x: L x N x I, hx: 1 x N x H
        h = hx.squeeze(0)
        seq = []
        for x_t in x:
            h = torch.tanh(self.input2hidden(x_t) + self.hidden2hidden(h))
            seq.append(h)
        return h.unsqueeze(0), torch.stack(seq)
