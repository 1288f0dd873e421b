import torch
import torch.nn as nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.fc_x = nn.Linear(input_size, hidden_size)
        self.fc_h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        # x: (seq, batch, feature)
        pre = self.fc_x(x)
        out = []
        for i in range(x.size(0)):
            h = torch.tanh(pre[i] + self.fc_x.bias + self.fc_h(h))
            out.append(h)
        return torch.stack(out), h
