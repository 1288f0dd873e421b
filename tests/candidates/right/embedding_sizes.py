from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class Config:
    block_size: int = None
    vocab_size: int = None
    n_layer: int = 4
    n_embd: int = 64
    n_embd2: int = 64


class Cell(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.xh = nn.Linear(config.n_embd + config.n_embd2, config.n_embd2)

    def forward(self, xt, hprev):
        return torch.tanh(self.xh(torch.cat([xt, hprev], dim=1)))
