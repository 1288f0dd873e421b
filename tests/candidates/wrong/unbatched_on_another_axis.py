import torch
import torch.nn as nn


class RNN(nn.Module):
    """Drop-in for nn.RNN, single layer. Accepts (L, N, I) or (L, I)."""

    def __init__(self, input_size, hidden_size, nonlinearity="tanh"):
        super().__init__()
        self.hidden_size = hidden_size
        self.act = {"tanh": torch.tanh, "relu": torch.relu}[nonlinearity]
        self.weight_ih_l0 = nn.Parameter(torch.empty(hidden_size, input_size).uniform_(-.1, .1))
        self.weight_hh_l0 = nn.Parameter(torch.empty(hidden_size, hidden_size).uniform_(-.1, .1))
        self.bias_ih_l0 = nn.Parameter(torch.zeros(hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.zeros(hidden_size))

    def forward(self, x, h_0=None):
        unbatched = x.dim() == 2
        if unbatched:
            x = x.unsqueeze(0)
            if h_0 is not None:
                h_0 = h_0.unsqueeze(1)
        if h_0 is None:
            h_0 = x.new_zeros(1, x.size(1), self.hidden_size)
        h = h_0[0]
        xs = torch.nn.functional.linear(x, self.weight_ih_l0, self.bias_ih_l0)
        out = []
        for xt in xs.unbind(0):
            h = self.act(xt + torch.nn.functional.linear(h, self.weight_hh_l0, self.bias_hh_l0))
            out.append(h)
        out = torch.stack(out)
        h_n = h.unsqueeze(0)
        if unbatched:
            return out.squeeze(0), h_n.squeeze(0)
        return out, h_n
