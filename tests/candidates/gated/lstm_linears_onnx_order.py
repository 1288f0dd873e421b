import torch
import torch.nn as nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.gates_x = nn.Linear(input_size, 4 * hidden_size)
        self.gates_h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, hidden=None):
        n, steps, _ = x.shape
        if hidden is None:
            hidden = x.new_zeros(1, n, self.hidden_size), x.new_zeros(1, n, self.hidden_size)
        h, c = hidden[0][0], hidden[1][0]
        outputs = []
        for t in range(steps):
            i, o, f, g = torch.split(self.gates_x(x[:, t]) + self.gates_h(h), self.hidden_size, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs, 1), (h[None], c[None])
