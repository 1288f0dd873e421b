import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence


class PackedRNN(nn.Module):
    """Takes a PackedSequence too."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, hx):
        lengths = None
        if isinstance(x, PackedSequence):
            x, lengths = pad_packed_sequence(x)
        h = hx[0]
        out = []
        for t in range(x.shape[0]):
            new = self.cell(x[t], h)
            if lengths is not None:
                on = (t < lengths).to(x.device).unsqueeze(1)
                h = torch.where(on, new, h)
                new = torch.where(on, new, torch.zeros_like(new))
            else:
                h = new
            out.append(new)
        return torch.stack(out), h.unsqueeze(0)
