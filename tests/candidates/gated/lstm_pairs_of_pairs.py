"""States as a list over layers of ((h, c), (h, c)), one pair for each direction."""

import torch
from torch import nn


class BothWays(nn.Module):
    def __init__(self, n_in, n_hidden, n_layers=1):
        super().__init__()
        sizes = [n_in, *[2 * n_hidden] * (n_layers - 1)]
        self.fw_cells = nn.ModuleList(nn.LSTMCell(size, n_hidden) for size in sizes)
        self.bw_cells = nn.ModuleList(nn.LSTMCell(size, n_hidden) for size in sizes)

    def of_layer(self, fw, bw):
        return fw, bw

    def forward(self, x, states):
        """states: one ((h_fw, c_fw), (h_bw, c_bw)) per layer."""
        last = []
        for fw_cell, bw_cell, (fw, bw) in zip(self.fw_cells, self.bw_cells, states):
            forward, backward = [], []
            for x_t in x:
                fw = fw_cell(x_t, fw)
                forward.append(fw[0])
            for x_t in x.flip(0):
                bw = bw_cell(x_t, bw)
                backward.insert(0, bw[0])
            last.append(self.of_layer(fw, bw))
            x = torch.cat([torch.stack(forward), torch.stack(backward)], -1)
        return x, last


class Exchanged(BothWays):
    def of_layer(self, fw, bw):
        return bw, fw


class Detached(BothWays):
    def of_layer(self, fw, bw):
        return fw, (bw[0], bw[1].detach())
