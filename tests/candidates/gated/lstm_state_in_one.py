import torch
import torch.nn as nn


class StackedStateLSTM(nn.Module):
    """LSTM whose state is one tensor: (2, batch, hidden), h first and c second."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Linear(input_size, 4 * hidden_size)
        self.U = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x, memory=None):
        if memory is None:
            memory = torch.zeros(2, x.size(1), self.hidden_size, dtype=x.dtype, device=x.device)
        h, c = memory[0], memory[1]
        hidden = []
        for step in x:
            z = self.W(step) + self.U(h)
            i, f, g, o = z.split(self.hidden_size, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            hidden.append(h)
        return torch.stack(hidden), torch.stack([h, c])
