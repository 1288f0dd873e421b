"""A readable nn.RNN. State dicts are interchangeable with torch's."""
import math

import torch
from torch import nn
from torch.nn import Parameter, init


class RNNBase(nn.Module):
    def __init__(self, mode, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, bidirectional=False):
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.bidirectional = bidirectional
        self.num_directions = 2 if bidirectional else 1
        self._flat_weights_names = []
        self._all_weights = []
        for layer in range(num_layers):
            for direction in range(self.num_directions):
                size = input_size if layer == 0 else hidden_size * self.num_directions
                suffix = "_reverse" if direction else ""
                names = [f"weight_ih_l{layer}{suffix}", f"weight_hh_l{layer}{suffix}"]
                tensors = [torch.empty(hidden_size, size), torch.empty(hidden_size, hidden_size)]
                if bias:
                    names += [f"bias_ih_l{layer}{suffix}", f"bias_hh_l{layer}{suffix}"]
                    tensors += [torch.empty(hidden_size), torch.empty(hidden_size)]
                for name, tensor in zip(names, tensors):
                    setattr(self, name, Parameter(tensor))
                self._flat_weights_names.extend(names)
                self._all_weights.append(names)
        self._flat_weights = [getattr(self, name) for name in self._flat_weights_names]
        self.reset_parameters()

    def reset_parameters(self):
        stdv = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -stdv, stdv)

    @property
    def all_weights(self):
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def _walk(self, x, h, w_ih, w_hh, b_ih=None, b_hh=None):
        act = torch.relu if self.mode == "RNN_RELU" else torch.tanh
        ys = []
        for x_t in x:
            h = act(nn.functional.linear(x_t, w_ih, b_ih) + nn.functional.linear(h, w_hh, b_hh))
            ys.append(h)
        return torch.stack(ys), h

    def forward(self, input, hx=None):
        x = input.transpose(0, 1) if self.batch_first else input
        D = self.num_directions
        if hx is None:
            hx = x.new_zeros(self.num_layers * D, x.size(1), self.hidden_size)
        h_n = []
        for layer in range(self.num_layers):
            y, h = self._walk(x, hx[layer * D], *self.all_weights[layer * D])
            h_n.append(h)
            if D == 2:
                z, h = self._walk(x.flip(0), hx[layer * D + 1], *self.all_weights[layer * D + 1])
                h_n.append(h)
                y = torch.cat([y, z.flip(0)], dim=-1)
            x = y
        return x.transpose(0, 1) if self.batch_first else x, torch.stack(h_n)


class RNN(RNNBase):
    def __init__(self, *args, **kwargs):
        mode = {"tanh": "RNN_TANH", "relu": "RNN_RELU"}[kwargs.pop("nonlinearity", "tanh")]
        super().__init__(mode, *args, **kwargs)


Elman = RNN
