import torch
import torch.nn as nn


class Encoder(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.fc_x = nn.Linear(input_size, hidden_size)
        self.fc_h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h=None):
        # x (B, T, F) -> Zustand nach dem letzten Schritt (B, H)
        if h is None:
            h = torch.zeros(len(x), self.hidden_size, dtype=x.dtype, device=x.device)
        for t in range(x.shape[1]):
            h = torch.tanh(self.fc_x(x[:, t]) + self.fc_h(h))
        return h
