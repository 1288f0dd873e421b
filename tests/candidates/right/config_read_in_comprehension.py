import torch
import torch.nn as nn


class NetFromDict(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.batch_first = config.get("batch_first", False)
        self.num_layers = config.get("num_layers", 1)
        self.hidden_size = config["hidden_size"]
        sizes = [config["input_size"]] + [self.hidden_size] * (self.num_layers - 1)
        self.cells = nn.ModuleList(
            [nn.RNNCell(n, self.hidden_size, nonlinearity=config.get("nonlinearity", "tanh")) for n in sizes]
        )

    def forward(self, x, hidden=None):
        if self.batch_first:
            x = x.transpose(0, 1)
        hidden = [None] * self.num_layers if hidden is None else list(hidden)
        ys = []
        for step in x:
            for k, cell in enumerate(self.cells):
                step = hidden[k] = cell(step, hidden[k])
            ys.append(step)
        out = torch.stack(ys, 1 if self.batch_first else 0)
        return out, torch.stack(hidden)
