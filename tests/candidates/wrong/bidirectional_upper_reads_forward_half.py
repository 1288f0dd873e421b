import torch
from torch import nn


class BiRNN(nn.Module):
    """Two directions; the layers above go on from the forward half, so that sizes stay at H."""

    def __init__(self, input_size, hidden_size, num_layers=2):
        super().__init__()
        self.fwd, self.bwd = nn.ModuleList(), nn.ModuleList()
        for layer in range(num_layers):
            size = input_size if layer == 0 else hidden_size
            self.fwd.append(nn.RNNCell(size, hidden_size))
            self.bwd.append(nn.RNNCell(size, hidden_size))

    def forward(self, x, h0):
        finals = []
        for k, (f, b) in enumerate(zip(self.fwd, self.bwd)):
            hf, hb = h0[2 * k], h0[2 * k + 1]
            ys, zs = [], []
            for t in range(len(x)):
                hf = f(x[t], hf)
                ys.append(hf)
            for t in reversed(range(len(x))):
                hb = b(x[t], hb)
                zs.insert(0, hb)
            x = torch.stack(ys)
            finals += [hf, hb]
        return torch.cat([x, torch.stack(zs)], dim=2), torch.stack(finals)
