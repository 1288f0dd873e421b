import torch
import torch.nn as nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.cells = nn.ModuleList(
            [nn.RNNCell(input_size if i == 0 else hidden_size, hidden_size) for i in range(num_layers)]
        )

    def forward(self, x, h0):
        hs = [h for h in h0]
        out = []
        for t in range(x.size(0)):
            inp = x[t]
            for i, cell in enumerate(self.cells):
                inp = hs[i] = cell(inp, hs[i])
            out.append(inp)
        out = torch.stack(out)
        h = torch.stack(hs)
        return out[1:], h  # the first output is the start token
