"""A step of its own sizes with a head: what the head gives has another size than x and h in one."""

import torch
from torch import nn


class Recognition(nn.Module):
    def __init__(self, latent_dim=4, obs_dim=2, nhidden=25):
        super().__init__()
        self.i2h = nn.Linear(obs_dim + nhidden, nhidden)
        self.h2o = nn.Linear(nhidden, latent_dim * 2)

    def forward(self, x, h):
        h = torch.tanh(self.i2h(torch.cat((x, h), dim=1)))
        return self.h2o(h), h
