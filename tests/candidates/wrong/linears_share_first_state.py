import torch
from torch import nn


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=2):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.i2h = nn.ModuleList(
            [nn.Linear(input_size if k == 0 else hidden_size, hidden_size) for k in range(num_layers)]
        )
        self.h2h = nn.ModuleList(
            [nn.Linear(hidden_size, hidden_size) for k in range(num_layers)]
        )

    def forward(self, x, h_0):
        # x: (seq, batch, feature)
        last = []
        for k in range(self.num_layers):
            outs = []
            h = h_0[0]
            for t in range(x.size(0)):
                h = torch.tanh(self.i2h[k](x[t]) + self.h2h[k](h))
                outs.append(h)
            x = torch.stack(outs, dim=0)
            last.append(h)
        return x, torch.stack(last)
