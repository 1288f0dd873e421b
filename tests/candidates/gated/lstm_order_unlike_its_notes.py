import torch
from torch import nn


class PortedLSTM(nn.Module):
    """LSTM with the gate order of torch.nn.LSTM (i, f, g, o), so that weight_ih_l0 can be copied to x2h.weight
    and weight_hh_l0 to h2h.weight."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x2h = nn.Linear(input_size, 4 * hidden_size)
        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, state):
        h, c = state
        ys = []
        for xt in x:
            i, f, o, g = (self.x2h(xt) + self.h2h(h)).chunk(4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys), (h, c)

    @classmethod
    def from_torch(cls, lstm):
        new = cls(lstm.input_size, lstm.hidden_size)
        new.x2h.weight.data.copy_(lstm.weight_ih_l0)
        new.x2h.bias.data.copy_(lstm.bias_ih_l0)
        new.h2h.weight.data.copy_(lstm.weight_hh_l0)
        new.h2h.bias.data.copy_(lstm.bias_hh_l0)
        return new
