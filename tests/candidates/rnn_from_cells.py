import torch
from torch import nn


class RNN(nn.Module):
    """Stacked RNN out of parameters named like torch's own."""

    def __init__(self, input_size, hidden_size, num_layers=1, bias=True):
        super().__init__()
        self.num_layers = num_layers
        self.hidden_size = hidden_size
        self.bias = bias
        k = hidden_size ** -0.5
        for i in range(num_layers):
            shapes = {"weight_ih": (hidden_size, hidden_size if i else input_size), "weight_hh": (hidden_size,) * 2}
            if bias:
                shapes.update(bias_ih=(hidden_size,), bias_hh=(hidden_size,))
            for name, shape in shapes.items():
                setattr(self, f"{name}_l{i}", nn.Parameter(torch.empty(shape).uniform_(-k, k)))

    def forward(self, input, hx=None):
        if hx is None:
            hx = input.new_zeros(self.num_layers, input.size(1), self.hidden_size)
        output = input
        for i in range(self.num_layers):
            gi = nn.functional.linear(output, getattr(self, f"weight_ih_l{i}"), getattr(self, f"bias_ih_l{i}", None))
            h = hx[i]
            hs = []
            for g in gi:
                gh = nn.functional.linear(h, getattr(self, f"weight_hh_l{i}"), getattr(self, f"bias_hh_l{i}", None))
                h = torch.tanh(g + gh)
                hs.append(h)
            output = torch.stack(hs)
        return output, h.unsqueeze(0)
