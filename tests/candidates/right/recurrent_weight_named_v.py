import torch
import torch.nn as nn
import torch.nn.functional as F

class SplitBias(nn.Module):
    def __init__(self, d_in, d_h, activation="tanh"):
        super().__init__()
        self.U, self.V, self.bias = nn.Linear(d_in, d_h, bias=False), nn.Linear(d_h, d_h, bias=False), nn.Parameter(torch.zeros(d_h))
        self.act = {"tanh": torch.tanh, "relu": torch.relu}[activation]
    def forward(self, inputs, h_prev=None):
        h = h_prev if h_prev is not None else 0.0
        outs = torch.stack([h := self.act(self.U(x) + self.bias + (self.V(h) if torch.is_tensor(h) else 0.0)) for x in inputs])
        return outs
