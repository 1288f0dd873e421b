import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        out = []
        for t in range(x.shape[1]):
            h = torch.tanh(self.i2h(x[:, t]) + self.h2h(h))
            out.append(h)
        return torch.stack(out, 1), h


print("loading data...")
text = open("data/tinyshakespeare.txt").read()
vocab = sorted(set(text))
model = RNN(len(vocab), 128)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(100):
    pass
