import torch
import torch.nn as nn

class ElmanRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h0=None):
        seq_len, batch, _ = x.shape
        if h0 is None:
            h0 = torch.zeros(1, batch, self.hidden_size, dtype=x.dtype)
        h = h0[0]
        outputs = []
        for t in range(seq_len):
            a = self.i2h(x[t]) + self.scale * self.h2h(h)
            h = torch.tanh(a)
            outputs.append(h)
        output = torch.stack(outputs)
        return output, h.unsqueeze(0)


class PlainTensor(ElmanRNN):
    """The same with a tensor that requires a gradient, and is no Parameter."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        del self.scale
        self.scale = torch.ones(1, requires_grad=True)
