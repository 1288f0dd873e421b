import torch
import torch.nn as nn


class RNN(nn.Module):
    """A drop-in for nn.RNN (time first, tanh)."""

    def __init__(self, input_size, hidden_size, num_layers=1, bidirectional=False):
        super().__init__()
        self.num_layers = num_layers
        self.suffixes = ["", "_reverse"] if bidirectional else [""]
        for layer in range(num_layers):
            for s in self.suffixes:
                n = input_size if layer == 0 else hidden_size
                setattr(self, f"weight_ih_l{layer}{s}", nn.Parameter(torch.randn(hidden_size, n) * 0.1))
                setattr(self, f"weight_hh_l{layer}{s}", nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1))
                setattr(self, f"bias_ih_l{layer}{s}", nn.Parameter(torch.zeros(hidden_size)))
                setattr(self, f"bias_hh_l{layer}{s}", nn.Parameter(torch.zeros(hidden_size)))

    def forward(self, x, h_0):
        h_n = []
        for layer in range(self.num_layers):
            halves = []
            for d, s in enumerate(self.suffixes):
                w, u, b, c = (getattr(self, f"{n}_l{layer}{s}") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
                h = h_0[layer * len(self.suffixes) + d]
                ys = []
                for x_t in x.flip(0) if d else x:
                    h = torch.tanh(x_t @ w.T + b + h @ u.T + c)
                    ys.append(h)
                h_n.append(h)
                y = torch.stack(ys)
                halves.append(y.flip(0) if d else y)
            x = torch.cat(halves, -1)
        return x, torch.stack(h_n)
