import torch
from torch import nn


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size, sparsity):
        super().__init__()
        self.x2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        nn.init.sparse_(self.h2h.weight, sparsity)

    def forward(self, x, h):
        ys = []
        for x_t in x:
            with torch.no_grad():
                r = self.h2h(h)
            h = torch.tanh(self.x2h(x_t) + r)
            ys.append(h)
        return torch.stack(ys), h


model = MyRNN(20, 40, sparsity=0.5)
