import torch
import torch.nn as nn


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        h = h[0]
        out = []
        for t in range(x.size(0)):
            h = torch.tanh(self.i2h(x[t]) + self.h2h(h))
            out.append(h)
        return torch.stack(out), h[None]


rnn = MyRNN(28, 128)
of_torch = nn.RNN(28, 128, num_layers=2)
