"""A readable nn.RNN, with *args handed to the base class."""
import torch
from torch import nn
from torch.nn import Parameter


class RNNBase(nn.Module):
    def __init__(self, mode, input_size, hidden_size, num_layers=1, bidirectional=False):
        super().__init__()
        self.mode, self.num_layers, self.hidden_size = mode, num_layers, hidden_size
        self.num_directions = 2 if bidirectional else 1
        for layer in range(num_layers):
            for d in range(self.num_directions):
                size = input_size if layer == 0 else hidden_size * self.num_directions
                s = f"_l{layer}" + ("_reverse" if d else "")
                setattr(self, "weight_ih" + s, Parameter(torch.randn(hidden_size, size) * 0.1))
                setattr(self, "weight_hh" + s, Parameter(torch.randn(hidden_size, hidden_size) * 0.1))
                setattr(self, "bias_ih" + s, Parameter(torch.randn(hidden_size) * 0.1))
                setattr(self, "bias_hh" + s, Parameter(torch.randn(hidden_size) * 0.1))

    def forward(self, x, hx):
        act = torch.relu if self.mode == "RNN_RELU" else torch.tanh
        finals = [[], []]
        for layer in range(self.num_layers):
            halves = []
            for d in range(self.num_directions):
                s = f"_l{layer}" + ("_reverse" if d else "")
                w, u, b, c = (getattr(self, n + s) for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
                h, ys = hx[layer * self.num_directions + d], []
                for x_t in x.flip(0) if d else x:
                    h = act(x_t @ w.T + b + h @ u.T + c)
                    ys.append(h)
                y = torch.stack(ys)
                halves.append(y.flip(0) if d else y)
                finals[d].append(h)
            x = torch.cat(halves, -1)
        return x, torch.stack(finals[0] + finals[1])


class RNN(RNNBase):
    def __init__(self, *args, nonlinearity="tanh", **kwargs):
        super().__init__("RNN_" + nonlinearity.upper(), *args, **kwargs)
