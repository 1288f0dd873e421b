import torch
import torch.nn as nn


class PairLSTM(nn.Module):
    """States are one tensor (2, num_layers, N, H): h, then c."""

    def __init__(self, input_size, hidden_size, num_layers):
        super().__init__()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.ih = nn.ModuleList([nn.Linear(s, 4 * hidden_size) for s in sizes])
        self.hh = nn.ModuleList([nn.Linear(hidden_size, 4 * hidden_size) for _ in sizes])

    def forward(self, x, state):
        h, c = [list(s) for s in state]
        ys = []
        for t in range(x.size(0)):
            y = x[t]
            for k in range(len(self.ih)):
                i, f, g, o = (self.ih[k](y) + self.hh[k](h[k])).chunk(4, dim=-1)
                c[k] = torch.sigmoid(f) * c[k] + torch.sigmoid(i) * torch.tanh(g)
                h[k] = y = torch.sigmoid(o) * torch.tanh(c[k])
            ys.append(y)
        return torch.stack(ys), torch.stack([torch.stack(h), torch.stack(c)])
