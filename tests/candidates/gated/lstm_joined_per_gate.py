import torch
from torch import nn


class LSTMScratch(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        joined = input_size + hidden_size
        self.forget, self.input = nn.Linear(joined, hidden_size), nn.Linear(joined, hidden_size)
        self.candidate, self.output = nn.Linear(joined, hidden_size), nn.Linear(joined, hidden_size)

    def forward(self, x, states):
        h, c = states
        hs = []
        for x_t in x:
            z = torch.cat([x_t, h], dim=-1)
            f, i, o = torch.sigmoid(self.forget(z)), torch.sigmoid(self.input(z)), torch.sigmoid(self.output(z))
            c = f * c + i * torch.tanh(self.candidate(z))
            h = o * torch.tanh(c)
            hs.append(h)
        return torch.stack(hs), (h, c)
