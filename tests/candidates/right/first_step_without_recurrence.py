import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x):
        hs = [torch.tanh(self.W(x[0]))]
        for x_t in x[1:]:
            hs.append(torch.tanh(self.W(x_t) + self.U(hs[-1])))
        return torch.stack(hs), hs[-1][None]
