import torch
import torch.nn as nn
import torch.nn.functional as F


class MyLSTMCell(nn.LSTMCell):
    def forward(self, input, hidden=None):
        if hidden is None:
            hx = input.new_zeros(input.size(0), self.hidden_size, requires_grad=False)
            cx = input.new_zeros(input.size(0), self.hidden_size, requires_grad=False)
        else:
            hx, cx = hidden
        gates = F.linear(input, self.weight_ih, self.bias_ih) + F.linear(hx, self.weight_hh, self.bias_hh)
        i, f, g, o = gates.chunk(4, 1)
        cy = i.sigmoid() * g.tanh() + f.sigmoid() * cx
        hy = o.sigmoid() * cy.tanh()
        return hy, cy


class MyGRUCell(nn.GRUCell):
    def forward(self, input, hx):
        r_x, z_x, n_x = F.linear(input, self.weight_ih, self.bias_ih).chunk(3, 1)
        r_h, z_h, n_h = F.linear(hx, self.weight_hh, self.bias_hh).chunk(3, 1)
        r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
        n = torch.tanh(n_x + r * n_h)
        return (1 - z) * n + z * hx
