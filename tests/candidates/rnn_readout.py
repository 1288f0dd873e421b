import torch
from torch import nn


class RNNRegressor(nn.Module):
    """Predicts the next value of a series at every step."""

    def __init__(self, input_size, hidden_size, output_size=1):
        super().__init__()
        self.hidden_size = hidden_size
        self.in_layer = nn.Linear(input_size, hidden_size)
        self.rec_layer = nn.Linear(hidden_size, hidden_size, bias=False)
        self.readout = nn.Linear(hidden_size, output_size)

    def forward(self, x, hidden=None):
        if hidden is None:
            hidden = torch.zeros(x.size(0), self.hidden_size, dtype=x.dtype, device=x.device)
        outputs = []
        for t in range(x.size(1)):
            hidden = torch.tanh(self.in_layer(x[:, t]) + self.rec_layer(hidden))
            outputs.append(self.readout(hidden))
        return torch.stack(outputs, dim=1), hidden
