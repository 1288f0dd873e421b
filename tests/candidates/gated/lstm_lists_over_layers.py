"""LSTMs that keep the states of their layers in two lists, which they start from zeros and return as they are."""

import torch
from torch import nn


class Stack(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.hidden_size, self.num_layers = hidden_size, num_layers
        self.weights = nn.ModuleList()
        for layer in range(num_layers):
            features = input_size if layer == 0 else hidden_size
            sizes = {"W": features, "U": hidden_size}
            cell = {f"{key}_{gate}": nn.Parameter(torch.randn(rows, hidden_size) / hidden_size**0.5)
                    for gate in "ifco" for key, rows in sizes.items()}  # fmt: skip
            cell |= {f"b_{gate}": nn.Parameter(torch.zeros(hidden_size)) for gate in "ifco"}
            self.weights.append(nn.ParameterDict(cell))

    def forward(self, x, init_states=None):
        if init_states is None:
            h_t = [torch.zeros(x.size(1), self.hidden_size) for _ in range(self.num_layers)]
            c_t = [torch.zeros(x.size(1), self.hidden_size) for _ in range(self.num_layers)]
        else:
            h_t, c_t = init_states
        new_h, new_c = [], []
        for layer in range(self.num_layers):
            h, c, p = h_t[layer], c_t[layer], self.weights[layer]
            outputs = []
            for x_t in x:
                h, c = self.step(x_t, h, c, p)
                outputs.append(h)
            x = torch.stack(outputs)
            new_h.append(h)
            new_c.append(c)
        return x, (new_h, new_c)

    def step(self, x_t, h, c, p):
        f = torch.sigmoid(x_t @ p["W_f"] + h @ p["U_f"] + p["b_f"])
        i = torch.sigmoid(x_t @ p["W_i"] + h @ p["U_i"] + p["b_i"])
        g = torch.tanh(x_t @ p["W_c"] + h @ p["U_c"] + p["b_c"])
        o = torch.sigmoid(x_t @ p["W_o"] + h @ p["U_o"] + p["b_o"])
        c = f * c + i * g
        return o * torch.tanh(c), c


class OfTheLayerBelow(Stack):
    """Wrong: c of the upper layer starts from that of the first."""

    def forward(self, x, init_states=None):
        if init_states is None:
            h_t = [torch.zeros(x.size(1), self.hidden_size) for _ in range(self.num_layers)]
            c_t = [torch.zeros(x.size(1), self.hidden_size) for _ in range(self.num_layers)]
        else:
            h_t, c_t = init_states
        return super().forward(x, (h_t, [c_t[0] for _ in range(self.num_layers)]))
