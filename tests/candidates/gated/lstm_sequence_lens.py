"""A port of dynamic_rnn: the carry is (c, h), and what is behind the end of a sequence is masked."""

import torch
from torch import nn


class BasicLSTMCell(nn.Module):
    """tf.nn.rnn_cell.BasicLSTMCell: one kernel for [x, h], gates i, j, f, o."""

    def __init__(self, input_size, num_units, forget_bias=0.0):
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(input_size + num_units, 4 * num_units))
        self.bias = nn.Parameter(torch.zeros(4 * num_units))
        nn.init.xavier_uniform_(self.kernel)
        self._forget_bias = forget_bias

    def forward(self, inputs, state):
        c, h = state
        gate_inputs = torch.matmul(torch.cat([inputs, h], 1), self.kernel) + self.bias
        i, j, f, o = torch.chunk(gate_inputs, 4, dim=1)
        new_c = c * torch.sigmoid(f + self._forget_bias) + torch.sigmoid(i) * torch.tanh(j)
        new_h = torch.tanh(new_c) * torch.sigmoid(o)
        return new_h, (new_c, new_h)


class BasicLSTM(nn.Module):
    """dynamic_rnn: inputs [batch, time, depth], state (c, h)"""

    def __init__(self, input_size, num_units):
        super().__init__()
        self.cell = BasicLSTMCell(input_size, num_units)

    def alive(self, t, lengths):
        return t < lengths

    def forward(self, inputs, initial_state, sequence_lens=None):
        c, h = initial_state
        outputs = []
        for t in range(inputs.shape[1]):
            out, (new_c, new_h) = self.cell(inputs[:, t], (c, h))
            if sequence_lens is not None:
                alive = self.alive(t, sequence_lens).unsqueeze(1)
                out = torch.where(alive, out, torch.zeros_like(out))
                new_c = torch.where(alive, new_c, c)
                new_h = torch.where(alive, new_h, h)
            c, h = new_c, new_h
            outputs.append(out)
        return torch.stack(outputs, 1), (c, h)


class OneStepMore(BasicLSTM):
    def alive(self, t, lengths):
        return t <= lengths
