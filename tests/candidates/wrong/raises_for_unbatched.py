import torch
from torch import nn


class RNN(nn.Module):
    """Like nn.RNN with one layer: input (L, N, H_in) or (L, H_in)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        k = hidden_size**-0.5
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size).uniform_(-k, k))
        self.weight_hh = nn.Parameter(torch.empty(hidden_size, hidden_size).uniform_(-k, k))
        self.bias_ih = nn.Parameter(torch.empty(hidden_size).uniform_(-k, k))
        self.bias_hh = nn.Parameter(torch.empty(hidden_size).uniform_(-k, k))

    def forward(self, input, hx):
        if input.dim() != 3:
            raise ValueError(f"expected a 3-D input, got {input.dim()}-D")
        h = hx[0]
        out = []
        for x in input:
            h = torch.tanh(x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh)
            out.append(h)
        return torch.stack(out), h[None]
