import torch
from torch import nn


class KerasLSTM(nn.Module):
    def __init__(self, input_dim, units):
        super().__init__()
        self.units = units
        self.kernel = nn.Parameter(torch.empty(input_dim, 4 * units).uniform_(-0.1, 0.1))
        self.recurrent_kernel = nn.Parameter(torch.empty(units, 4 * units).uniform_(-0.1, 0.1))
        self.bias = nn.Parameter(torch.zeros(4 * units))

    def forward(self, inputs):
        h = inputs.new_zeros(inputs.shape[1], self.units)
        c = torch.zeros_like(h)
        outputs = []
        for x in inputs:
            z = x @ self.kernel + h @ self.recurrent_kernel + self.bias
            z0, z1, z2, z3 = z.split(self.units, 1)
            c = torch.sigmoid(z1) * c + torch.sigmoid(z0) * torch.tanh(z2)
            h = torch.sigmoid(z3) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs)
