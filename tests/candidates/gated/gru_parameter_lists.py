import torch
from torch import nn


class GRU(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.W_ih = nn.ParameterList([nn.Parameter(torch.randn(3 * hidden_size, size)) for size in sizes])
        self.W_hh = nn.ParameterList([nn.Parameter(torch.randn(3 * hidden_size, hidden_size)) for _ in sizes])
        self.b_ih = nn.ParameterList([nn.Parameter(torch.zeros(3 * hidden_size)) for _ in sizes])
        self.b_hh = nn.ParameterList([nn.Parameter(torch.zeros(3 * hidden_size)) for _ in sizes])

    def gates(self, projected):
        return projected.chunk(3, -1)

    def forward(self, x, h0):
        ends = []
        for W, U, b, c, h in zip(self.W_ih, self.W_hh, self.b_ih, self.b_hh, h0):
            ys = []
            for x_t in x:
                (r_x, z_x, n_x), (r_h, z_h, n_h) = self.gates(x_t @ W.T + b), self.gates(h @ U.T + c)
                r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
                h = (1 - z) * torch.tanh(n_x + r * n_h) + z * h
                ys.append(h)
            x = torch.stack(ys)
            ends.append(h)
        return x, torch.stack(ends)


class KerasOrder(GRU):
    def gates(self, projected):
        z, r, n = projected.chunk(3, -1)
        return r, z, n
