import torch
import torch.nn as nn


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False):
        super().__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.layers = nn.ModuleList(
            nn.RNNCell(input_size if i == 0 else hidden_size, hidden_size) for i in range(num_layers)
        )

    def forward(self, x, hx):
        states = list(hx[: self.num_layers])
        outs = []
        for x_t in x:
            for i, layer in enumerate(self.layers):
                states[i] = layer(x_t, states[i])
                x_t = states[i]
            outs.append(x_t)
        return torch.stack(outs), torch.stack(states)
