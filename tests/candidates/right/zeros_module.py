import torch
import torch.nn as nn


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.hidden_size = hidden_size
        self.cells = nn.ModuleList(
            [nn.RNNCell(input_size, hidden_size)] + [nn.RNNCell(hidden_size, hidden_size) for _ in range(num_layers - 1)]
        )

    def forward(self, x, h0=None):
        seq_len, batch, _ = x.size()
        if h0 is None:
            h0 = torch.zeros(len(self.cells), batch, self.hidden_size)
        h = [h0[i] for i in range(len(self.cells))]
        output = torch.zeros(seq_len, batch, self.hidden_size)
        for t in range(seq_len):
            inp = x[t]
            for i in range(len(self.cells)):
                h[i] = self.cells[i](inp, h[i])
                inp = h[i]
            output[t] = inp
        return output, torch.stack(h)
