import torch
from torch import nn
from torch.nn.utils.rnn import pad_packed_sequence, pack_padded_sequence


class PaddedInside(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, packed, h=None):
        x, lengths = pad_packed_sequence(packed)
        T, B, _ = x.shape
        h = torch.zeros(B, self.hidden_size, dtype=x.dtype) if h is None else h[0]
        out = []
        for t in range(T):
            new = torch.tanh(self.i2h(x[t]) + self.h2h(h))
            mask = (t < lengths).unsqueeze(1).to(x.device)
            h = torch.where(mask, new, h)
            out.append(torch.where(mask, new, torch.zeros_like(new)))
        out = torch.stack(out)
        return pack_padded_sequence(out, lengths, enforce_sorted=False), h.unsqueeze(0)
