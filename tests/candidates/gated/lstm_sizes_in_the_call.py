import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.x2h = nn.Linear(input_dim, 4 * hidden_dim)
        self.h2h = nn.Linear(hidden_dim, 4 * hidden_dim)

    def forward(self, x, batch, seqlen, device, state_tuple=None):
        if state_tuple is None:
            h = torch.zeros(batch, self.hidden_dim, device=device)
            c = torch.zeros(batch, self.hidden_dim, device=device)
        else:
            h, c = state_tuple
        outputs = []
        for t in range(seqlen):
            i, f, g, o = (self.x2h(x[:, t]) + self.h2h(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs, 1), (h, c)
