import torch
from torch import nn

class Cell(nn.Module):
    def __init__(self, n_in, n_hid):
        super().__init__()
        self.W = nn.Linear(n_in, n_hid)
        self.U = nn.Linear(n_hid, n_hid)
    def forward(self, x, h):
        return torch.tanh(self.W(x) + self.U(h))

class DeepRNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.num_layers = num_layers
        self.hidden_size = hidden_size
        self.cells = nn.ModuleList(
            [Cell(input_size if i == 0 else hidden_size, hidden_size) for i in range(num_layers)])

    def forward(self, x, h0=None):
        # x: seq_len, batch, input
        seq_len, batch, _ = x.shape
        if h0 is None:
            h = [x.new_zeros(batch, self.hidden_size) for _ in range(self.num_layers)]
        else:
            h = list(h0.unbind(0))
        outputs = []
        for t in range(seq_len):
            inp = x[t]
            for l, cell in enumerate(self.cells):
                h[l] = cell(inp, h[l])
                inp = h[l]
            outputs.append(inp)
        return torch.stack(outputs, 0), torch.stack(h, 0)
