import torch
import torch.nn as nn


class BRNN(nn.Module):
    """nn.RNN(..., bidirectional=True) rewritten; load_state_dict from the original works."""

    def __init__(self, input_size, hidden_size, num_layers=1, batch_first=False, bidirectional=True):
        super().__init__()
        assert bidirectional, "use RNN for one direction"
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.batch_first = batch_first
        for l_ in range(num_layers):
            size = input_size if l_ == 0 else 2 * hidden_size
            for end in (f"l{l_}", f"l{l_}_reverse"):
                self.register_parameter(f"weight_ih_{end}", nn.Parameter(torch.randn(hidden_size, size) * 0.1))
                self.register_parameter(f"weight_hh_{end}", nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1))
                self.register_parameter(f"bias_ih_{end}", nn.Parameter(torch.zeros(hidden_size)))
                self.register_parameter(f"bias_hh_{end}", nn.Parameter(torch.zeros(hidden_size)))

    def scan(self, steps, h, end):
        p = self._parameters
        hs = []
        for x in steps:
            h = torch.tanh(x @ p[f"weight_ih_{end}"].T + p[f"bias_ih_{end}"]
                           + h @ p[f"weight_hh_{end}"].T + p[f"bias_hh_{end}"])
            hs.append(h)
        return hs, h

    def forward(self, x, hx=None):
        steps = list(x.unbind(1 if self.batch_first else 0))
        if hx is None:
            hx = x.new_zeros(2 * self.num_layers, steps[0].size(0), self.hidden_size)
        h_fwd, h_bwd = [], []
        for l_ in range(self.num_layers):
            fwd, h_f = self.scan(steps, hx[2 * l_], f"l{l_}")
            bwd, h_b = self.scan(steps[::-1], hx[2 * l_ + 1], f"l{l_}_reverse")
            steps = [torch.cat((f, b), -1) for f, b in zip(fwd, bwd[::-1])]
            h_fwd.append(h_f)
            h_bwd.append(h_b)
        return torch.stack(steps, 1 if self.batch_first else 0), torch.stack(h_fwd + h_bwd)
