import torch
import torch.nn as nn


class DeepRNN(nn.Module):
    """Several recurrent layers over (batch, time, input). h is (layers, batch, hidden), zeros by default."""

    def __init__(self, input_size, hidden_size, num_layers=1, nonlinearity="tanh"):
        super().__init__()
        sizes = [input_size] + [hidden_size] * num_layers
        self.hidden_size = hidden_size
        self.up = nn.ModuleList([nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:])])
        self.across = nn.ModuleList([nn.Linear(hidden_size, hidden_size) for _ in range(num_layers)])
        self.f = {"tanh": torch.tanh, "relu": torch.relu}[nonlinearity]

    def forward(self, x, h=None):
        last = []
        for n, (up, across) in enumerate(zip(self.up, self.across)):
            state = torch.zeros(x.size(0), self.hidden_size) if h is None else h[n]
            seen = []
            for x_t in x.unbind(dim=1):
                state = self.f(up(x_t) + across(state))
                seen.append(state)
            x = torch.stack(seen, dim=1)
            last.append(state)
        return x, torch.stack(last)
