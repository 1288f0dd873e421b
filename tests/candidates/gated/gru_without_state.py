import torch
from torch import nn


class GRU(nn.Module):
    def __init__(self, input_dim, units):
        super().__init__()
        self.units = units
        self.kernel = nn.Parameter(torch.randn(input_dim, 3 * units))
        self.recurrent_kernel = nn.Parameter(torch.randn(units, 3 * units))
        self.bias = nn.Parameter(torch.zeros(2, 3 * units))

    def forward(self, inputs):
        h = inputs.new_zeros(inputs.shape[0], self.units)
        out = []
        for x in inputs.unbind(1):
            x_z, x_r, x_h = (x @ self.kernel + self.bias[0]).split(self.units, -1)
            r_z, r_r, r_h = (h @ self.recurrent_kernel + self.bias[1]).split(self.units, -1)
            z = torch.sigmoid(x_z + r_z)
            hh = torch.tanh(x_h + torch.sigmoid(x_r + r_r) * r_h)
            h = z * h + (1 - z) * hh
            out.append(h)
        return torch.stack(out, 1)
