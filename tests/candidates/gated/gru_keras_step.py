import torch
import torch.nn as nn

class KerasGRUCell(nn.Module):
    """Port of keras.layers.GRUCell(reset_after=True). Gates z, r, h."""
    def __init__(self, input_dim, units):
        super().__init__()
        self.units = units
        self.kernel = nn.Parameter(torch.randn(input_dim, 3 * units) * 0.1)
        self.recurrent_kernel = nn.Parameter(torch.randn(units, 3 * units) * 0.1)
        self.bias = nn.Parameter(torch.zeros(2, 3 * units))

    def forward(self, inputs, states):
        h_tm1 = states[0]
        input_bias, recurrent_bias = self.bias.unbind(0)
        matrix_x = inputs @ self.kernel + input_bias
        x_z, x_r, x_h = torch.split(matrix_x, self.units, dim=-1)
        matrix_inner = h_tm1 @ self.recurrent_kernel + recurrent_bias
        r_z, r_r, r_h = torch.split(matrix_inner, self.units, dim=-1)
        z = torch.sigmoid(x_z + r_z)
        r = torch.sigmoid(x_r + r_r)
        hh = torch.tanh(x_h + r * r_h)
        h = z * h_tm1 + (1 - z) * hh
        return h, [h]
