import torch
import torch.nn as nn
import torch.nn.functional as F


class VanillaRNN(nn.Module):
    """Elman RNN: h_t = tanh(W [x_t; h_{t-1}] + b)"""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        self.fc = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        hs = []
        for t in range(x.size(1)):
            h = F.relu(self.fc(torch.cat([x[:, t, :], h], dim=1)))
            hs.append(h)
        return torch.stack(hs, dim=1), h
