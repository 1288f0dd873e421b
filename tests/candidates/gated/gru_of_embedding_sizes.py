import torch
from torch import nn


class GRUCell(nn.Module):
    """r before the product, z the share of what is new: as in the first papers"""

    def __init__(self, config):
        super().__init__()
        self.z = nn.Linear(config.n_embd + config.n_embd2, config.n_embd2)
        self.r = nn.Linear(config.n_embd + config.n_embd2, config.n_embd2)
        self.hbar = nn.Linear(config.n_embd + config.n_embd2, config.n_embd2)

    def forward(self, xt, hprev):
        xh = torch.cat([xt, hprev], dim=1)
        r, z = torch.sigmoid(self.r(xh)), torch.sigmoid(self.z(xh))
        hbar = torch.tanh(self.hbar(torch.cat([xt, r * hprev], dim=1)))
        return (1 - z) * hprev + z * hbar
