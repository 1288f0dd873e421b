import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x, state):
        c, h = state["c"], state["h"]
        ys = []
        for x_t in x:
            h, c = self.cell(x_t, (h, c))
            ys.append(h)
        return torch.stack(ys), {"c": c, "h": h}
