import torch
from torch import nn


class GRUStep(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        for gate in "rzn":
            setattr(self, f"W_i{gate}", nn.Parameter(torch.randn(hidden_size, input_size)))
            setattr(self, f"W_h{gate}", nn.Parameter(torch.randn(hidden_size, hidden_size)))
            setattr(self, f"b_i{gate}", nn.Parameter(torch.zeros(hidden_size)))
            setattr(self, f"b_h{gate}", nn.Parameter(torch.zeros(hidden_size)))

    def forward(self, x, h):
        r = torch.sigmoid(x @ self.W_ir.T + self.b_ir + h @ self.W_hr.T + self.b_hr)
        z = torch.sigmoid(x @ self.W_iz.T + self.b_iz + h @ self.W_hz.T + self.b_hz)
        n = torch.tanh(x @ self.W_in.T + self.b_in + r * (h @ self.W_hn.T) + self.b_hn)
        return (1 - z) * n + z * h
