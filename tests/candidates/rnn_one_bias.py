import torch
from torch import nn


class RecurrentLayer(nn.Module):
    """h_t = tanh(W x_t + U h_{t-1} + b), batch first."""

    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.W = nn.Linear(in_features, out_features, bias=True)
        self.U = nn.Linear(out_features, out_features, bias=False)  # a second bias would be redundant
        nn.init.orthogonal_(self.U.weight)

    def forward(self, x: torch.Tensor, h: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        if h is None:
            h = x.new_zeros(x.shape[0], self.out_features)
        wx = self.W(x)  # all time steps at once
        hs = []
        for wx_t in wx.unbind(dim=1):
            h = torch.tanh(wx_t + self.U(h))
            hs.append(h)
        return torch.stack(hs, dim=1), h
