import torch
from torch import nn


class CharRNN(nn.Module):
    def __init__(self, input_size, hidden_size, n_layers=1):
        super().__init__()
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        sizes = [input_size] + [hidden_size] * (n_layers - 1)
        self.i2h = nn.ModuleList([nn.Linear(size, hidden_size) for size in sizes])
        self.h2h = nn.ModuleList([nn.Linear(hidden_size, hidden_size) for _ in sizes])

    def init_hidden(self, x):
        return [x.new_zeros(x.size(1), self.hidden_size) for _ in range(self.n_layers)]

    def step(self, x, hidden):
        new = []
        for layer in range(self.n_layers):
            x = torch.tanh(self.i2h[layer](x) + self.h2h[layer](hidden[layer]))
            new.append(x)
        return x, new

    def forward(self, seq, hidden=None):
        if hidden is None:
            hidden = self.init_hidden(seq)
        outputs = []
        for t in range(seq.size(0)):
            out, hidden = self.step(seq[t], hidden)
            outputs.append(out)
        return torch.stack(outputs), hidden
