import torch
from torch import nn


class GRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W_ih = nn.Parameter(torch.randn(3 * hidden_size, input_size))
        self.W_hh = nn.Parameter(torch.randn(3 * hidden_size, hidden_size))

    def forward(self, x, h):
        outputs = []
        for x_t in x:
            h = gru_cell(x_t @ self.W_ih.T, h @ self.W_hh.T, h)
            outputs.append(h)
        return torch.stack(outputs), h


def gru_cell(from_input, from_state, h):
    r_x, z_x, n_x = from_input.chunk(3, -1)
    r_h, z_h, n_h = from_state.chunk(3, -1)
    r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
    n = torch.tanh(n_x + r * n_h)
    return (1 - z) * n + z * h


def gru_forward(x, h, W_ih, W_hh, b_ih, b_hh):
    outputs = []
    for x_t in x:
        r_x, z_x, n_x = (x_t @ W_ih.T + b_ih).chunk(3, -1)
        r_h, z_h, n_h = (h @ W_hh.T + b_hh).chunk(3, -1)
        r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
        h = (1 - z) * torch.tanh(n_x + r * n_h) + z * h
        outputs.append(h)
    return torch.stack(outputs), h
