import torch
from torch import nn


class MyRNN(nn.RNNBase):
    def __init__(self, input_size, hidden_size, **kwargs):
        super().__init__("RNN_TANH", input_size, hidden_size, **kwargs)

    def forward(self, input, hx=None):
        if self.batch_first:
            input = input.transpose(0, 1)
        num_directions = 2 if self.bidirectional else 1
        if hx is None:
            hx = input.new_zeros(self.num_layers * num_directions, input.size(1), self.hidden_size)
        h_n = []
        layer_input = input
        for layer in range(self.num_layers):
            results = []
            for direction in range(num_directions):
                k = layer * num_directions + direction
                w_ih, w_hh, b_ih, b_hh = self.all_weights[k]
                h = hx[direction * self.num_layers + layer]
                seq = layer_input.flip(0) if direction else layer_input
                states = []
                for x_t in seq:
                    h = torch.tanh(x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
                    states.append(h)
                out = torch.stack(states)
                results.append(out.flip(0) if direction else out)
                h_n.append(h)
            layer_input = torch.cat(results, dim=-1)
        output = layer_input.transpose(0, 1) if self.batch_first else layer_input
        return output, torch.stack(h_n)
