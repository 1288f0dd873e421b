import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, bidirectional=False,
                 proj_size=0):  # fmt: skip
        super().__init__()
        self.num_layers, self.batch_first, self.bias = num_layers, batch_first, bias
        self.hidden_size, self.proj_size, self.directions = hidden_size, proj_size, 1 + bidirectional
        h_out = proj_size or hidden_size
        for layer in range(num_layers):
            for suffix in ("", "_reverse")[: self.directions]:
                features = input_size if layer == 0 else self.directions * h_out
                shapes = {"weight_ih": (4 * hidden_size, features), "weight_hh": (4 * hidden_size, h_out)}
                if bias:
                    shapes |= {"bias_ih": (4 * hidden_size,), "bias_hh": (4 * hidden_size,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                for name, shape in shapes.items():
                    self.register_parameter(f"{name}_l{layer}{suffix}", nn.Parameter(torch.randn(shape) * 0.1))

    def forward(self, input, hx=None):
        x = input.transpose(0, 1) if self.batch_first else input
        rows, n = self.num_layers * self.directions, x.shape[1]
        if hx is None:
            hx = x.new_zeros(rows, n, self.proj_size or self.hidden_size), x.new_zeros(rows, n, self.hidden_size)
        finals = []
        for layer in range(self.num_layers):
            halves = []
            for d, suffix in enumerate(("", "_reverse")[: self.directions]):
                row = layer * self.directions + d
                h, c, steps = hx[0][row], hx[1][row], []
                for x_t in x.flip(0) if d else x:
                    h, c = self.step(x_t, h, c, f"l{layer}{suffix}")
                    steps.append(h)
                half = torch.stack(steps)
                halves.append(half.flip(0) if d else half)
                finals.append((h, c))
            x = torch.cat(halves, -1)
        h_n, c_n = (torch.stack(states) for states in zip(*finals))
        return x.transpose(0, 1) if self.batch_first else x, (h_n, c_n)

    def step(self, x, h, c, suffix):
        gates = x @ getattr(self, f"weight_ih_{suffix}").T + h @ getattr(self, f"weight_hh_{suffix}").T
        if self.bias:
            gates = gates + getattr(self, f"bias_ih_{suffix}") + getattr(self, f"bias_hh_{suffix}")
        i, f, g, o = gates.chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h @ getattr(self, f"weight_hr_{suffix}").T if self.proj_size else h, c
