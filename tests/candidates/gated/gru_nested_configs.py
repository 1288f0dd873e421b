"""GRUs whose sizes stand in a section of a config: by key, by attribute, and in a default with names of its own."""

import torch
from torch import nn

DEFAULTS = {"d_in": 3, "net": {"d_rnn": 9}, "act": "gelu"}


class Loop(nn.Module):
    def forward(self, x, h):
        output = []
        for x_t in x:
            h = self.cell(x_t, h)
            output.append(h)
        return torch.stack(output), h


class ByKey(Loop):
    def __init__(self, cfg):
        super().__init__()
        self.cell = nn.GRUCell(cfg["model"]["input_dim"], cfg["model"]["hidden_dim"])


class ByAttribute(Loop):
    def __init__(self, cfg):
        super().__init__()
        self.cell = nn.GRUCell(cfg.model.input_dim, cfg.model.rnn.hidden_dim)


class ByDefault(Loop):
    def __init__(self, cfg=DEFAULTS):
        super().__init__()
        if cfg["act"] != "gelu":
            raise ValueError(cfg["act"])
        self.cell = nn.GRUCell(cfg["d_in"], cfg["net"]["d_rnn"])
