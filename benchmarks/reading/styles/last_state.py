import torch
import torch.nn as nn


class LastState(nn.Module):
    """Thought vector: reads the whole sequence (batch, time, input) and gives the last hidden state (batch, hidden)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.Wx = nn.Linear(input_size, hidden_size)
        self.Wh = nn.Linear(hidden_size, hidden_size)
        self.hidden_size = hidden_size

    def forward(self, x, h0=None):
        B, T, _ = x.shape
        if h0 is None:
            h0 = torch.zeros(B, self.hidden_size, dtype=x.dtype)
        h_t = h0
        for t in range(T):
            h_t = torch.tanh(self.Wx(x[:, t, :]) + self.Wh(h_t))
        return h_t
