import torch
from torch import nn


class _Linears(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.ih = nn.Linear(input_size, hidden_size)
        self.hh = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        out = []
        for x_t in x:
            h = torch.tanh(self.ih(x_t) + self.hh(h))
            out.append(h)
        return torch.stack(out), h


class DropInRNN(nn.Module):
    """Checkpoints of nn.RNN load: the names are its own, the tensors are those of the layers."""

    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__()
        self.num_layers = num_layers
        for k in range(num_layers):
            layer = _Linears(input_size if k == 0 else hidden_size, hidden_size)
            setattr(self, f"l{k}", layer)
            self.register_parameter(f"weight_ih_l{k}", layer.ih.weight)
            self.register_parameter(f"weight_hh_l{k}", layer.hh.weight)
            self.register_parameter(f"bias_ih_l{k}", layer.ih.bias)
            self.register_parameter(f"bias_hh_l{k}", layer.hh.bias)

    def forward(self, x, hx):
        hs = []
        out = x
        for k in range(self.num_layers):
            out, h = getattr(self, f"l{k}")(x, hx[k])
            hs.append(h)
        return out, torch.stack(hs)
