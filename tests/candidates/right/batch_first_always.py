import torch
import torch.nn as nn


class BatchFirstRNN(nn.Module):
    """x: (N, L, I)"""
    def __init__(self, input_size, hidden_size, batch_first=True):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, hx=None):
        bsz, seq_len, _ = x.size()
        if hx is None:
            hx = torch.zeros(1, bsz, self.hidden_size, dtype=x.dtype, device=x.device)
        h = hx[0]
        ys = []
        for t in range(seq_len):
            h = (self.i2h(x[:, t, :]) + self.h2h(h)).tanh()
            ys.append(h)
        return torch.stack(ys, dim=1), h.unsqueeze(0)
