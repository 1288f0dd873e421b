import torch
from torch import nn


class LSTMByHand(nn.Module):
    """The output gate lets through c of the step before."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        for name in ("lr", "pr", "p", "o"):
            setattr(self, f"w{name}1", nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.3))
            setattr(self, f"w{name}2", nn.Parameter(torch.randn(input_size, hidden_size) * 0.3))
            setattr(self, f"b{name}1", nn.Parameter(torch.zeros(hidden_size)))

    def unit(self, value, long, short):
        keeps = torch.sigmoid(short @ self.wlr1 + value @ self.wlr2 + self.blr1)
        takes = torch.sigmoid(short @ self.wpr1 + value @ self.wpr2 + self.bpr1)
        potential = torch.tanh(short @ self.wp1 + value @ self.wp2 + self.bp1)
        shows = torch.sigmoid(short @ self.wo1 + value @ self.wo2 + self.bo1)
        return long * keeps + takes * potential, torch.tanh(long) * shows

    def forward(self, input, hx):
        short, long = hx[0][0], hx[1][0]
        outputs = []
        for day in input:
            long, short = self.unit(day, long, short)
            outputs.append(short)
        return torch.stack(outputs), (short.unsqueeze(0), long.unsqueeze(0))
