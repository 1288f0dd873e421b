import torch
from torch import nn


class RNN(nn.Module):
    def __init__(self, in_features, hidden_features):
        super().__init__()
        self.p = nn.ParameterDict(
            {
                "W": nn.Parameter(torch.randn(hidden_features, in_features) * 0.1),
                "U": nn.Parameter(torch.randn(hidden_features, hidden_features) * 0.1),
                "b": nn.Parameter(torch.zeros(hidden_features)),
                "c": nn.Parameter(torch.zeros(hidden_features)),
            }
        )

    def forward(self, seq, h):
        """seq: time x batch x in"""
        p, ys = self.p, []
        for s in seq:
            h = torch.tanh(s @ p["W"].T + p["b"] + h @ p["U"].T + p["c"])
            ys.append(h)
        return torch.stack(ys), h
