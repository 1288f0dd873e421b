import torch
from torch import nn


class GRU(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        for gate in ("reset", "update", "new"):
            setattr(self, f"{gate}_x", nn.Linear(input_size, hidden_size))
            setattr(self, f"{gate}_h", nn.Linear(hidden_size, hidden_size))

    def forward(self, x, h0):
        h, out = h0.squeeze(0), []
        for x_t in x:
            r = torch.sigmoid(self.reset_x(x_t) + self.reset_h(h))
            z = torch.sigmoid(self.update_x(x_t) + self.update_h(h))
            n = torch.tanh(self.new_x(x_t) + r * self.new_h(h))
            h = (1 - z) * n + z * h
            out.append(h)
        return torch.stack(out), h.unsqueeze(0)
