"""A GRU whose config has d_model for the width of its input, beside d_hidden; and one that has d_model alone."""

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Args:
    d_model: int
    d_hidden: int
    n_layers: int = 1


class Block(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.d_out = d_out
        self.to_rzn = nn.Linear(d_in, 3 * d_out)
        self.rec_rzn = nn.Linear(d_out, 3 * d_out)

    def forward(self, x, h):
        ys = []
        for step in self.to_rzn(x):
            xr, xz, xn = step.split(self.d_out, dim=-1)
            hr, hz, hn = self.rec_rzn(h).split(self.d_out, dim=-1)
            r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
            n = torch.tanh(xn + r * hn)
            h = n - z * n + z * h
            ys.append(h)
        return torch.stack(ys), h


class OfRecord(nn.Module):
    def __init__(self, args: Args):
        super().__init__()
        widths = [args.d_model] + [args.d_hidden] * args.n_layers
        self.blocks = nn.ModuleList(map(Block, widths, widths[1:]))

    def forward(self, x, h_0):
        states = []
        for block, h in zip(self.blocks, h_0, strict=True):
            x, h = block(x, h)
            states.append(h)
        return x, torch.stack(states)


class OfSizes(Block):
    def __init__(self, d_model, d_hidden):
        super().__init__(d_model, d_hidden)


class OfSettings(Block):
    def __init__(self, cfg):
        super().__init__(cfg.embed_size, cfg.gru_units)


class OfModel(Block):
    def __init__(self, d_input, d_model):
        super().__init__(d_input, d_model)
