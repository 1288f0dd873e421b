import torch
from torch import nn

# hyperparameters
INPUT_SIZE = 20
HIDDEN_SIZE = 40


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.first = nn.RNNCell(INPUT_SIZE, HIDDEN_SIZE)
        self.second = nn.RNNCell(HIDDEN_SIZE, HIDDEN_SIZE)

    def forward(self, x, h):
        h0, h1 = h
        outs = []
        for x_t in x:
            h0 = self.first(x_t, h0)
            h1 = self.second(h1, h0)  # (input, hidden) the wrong way round
            outs.append(h1)
        return torch.stack(outs), torch.stack([h0, h1])
