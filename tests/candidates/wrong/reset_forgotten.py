import torch
from torch import nn


class Recurrent(nn.Module):
    """Processes a sequence a step at a time: reset_state(h), then step(x) for every x."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.fx = nn.Linear(input_size, hidden_size)
        self.fh = nn.Linear(hidden_size, hidden_size)
        self.state = None

    def reset_state(self, h):
        if self.state is None or self.state.shape != h.shape:
            self.state = h

    def step(self, x):
        self.state = torch.tanh(self.fx(x) + self.fh(self.state.detach()))
        return self.state

    def forward(self, x, h):
        """x (batch, seq, input_size), h (batch, hidden_size)"""
        self.reset_state(h)
        out = torch.stack([self.step(x[:, t]) for t in range(x.shape[1])], dim=1)
        return out, self.state
