import torch
from torch import nn


class RNN(nn.Module):
    """nn.RNN's arguments; returns the sequence and nothing else, for nn.Sequential."""

    def __init__(self, input_size, hidden_size, num_layers=1, batch_first=False):
        super().__init__()
        self.batch_first, self.num_layers, self.hidden_size = batch_first, num_layers, hidden_size
        for k in range(num_layers):
            n = hidden_size if k else input_size
            self.register_parameter(f"weight_ih_l{k}", nn.Parameter(torch.empty(hidden_size, n)))
            self.register_parameter(f"weight_hh_l{k}", nn.Parameter(torch.empty(hidden_size, hidden_size)))
            self.register_parameter(f"bias_ih_l{k}", nn.Parameter(torch.empty(hidden_size)))
            self.register_parameter(f"bias_hh_l{k}", nn.Parameter(torch.empty(hidden_size)))
        for p in self.parameters():
            nn.init.uniform_(p, -(hidden_size**-0.5), hidden_size**-0.5)

    def forward(self, input, hx=None):
        x = input.transpose(0, 1) if self.batch_first else input
        if hx is None:
            hx = x.new_zeros(self.num_layers, x.shape[1], self.hidden_size)
        for k in range(self.num_layers):
            w, u, b, c = (getattr(self, f"{n}_l{k}") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
            h, ys = hx[k], []
            for x_t in x:
                h = torch.tanh(x_t @ w.T + b + h @ u.T + c)
                ys.append(h)
            x = torch.stack(ys)
        return x.transpose(0, 1) if self.batch_first else x
