"""A GRU whose method unrolls over time, from a list of states that a method of the cell begins with."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class GluonGRUCell(nn.Module):
    def __init__(self, hidden_size, input_size, prefix="gru_"):
        super().__init__()
        self._hidden_size = hidden_size
        self.i2h_weight = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.h2h_weight = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.i2h_bias = nn.Parameter(torch.zeros(3 * hidden_size))
        self.h2h_bias = nn.Parameter(torch.zeros(3 * hidden_size))
        nn.init.xavier_uniform_(self.i2h_weight)
        nn.init.xavier_uniform_(self.h2h_weight)

    def begin_state(self, batch_size, like):
        return [like.new_zeros(batch_size, self._hidden_size)]

    def forward(self, inputs, states):
        prev_state_h = states[0]
        i2h = F.linear(inputs, self.i2h_weight, self.i2h_bias)
        h2h = F.linear(prev_state_h, self.h2h_weight, self.h2h_bias)
        i2h_r, i2h_z, i2h = torch.chunk(i2h, 3, dim=-1)
        h2h_r, h2h_z, h2h = torch.chunk(h2h, 3, dim=-1)
        reset_gate = torch.sigmoid(i2h_r + h2h_r)
        update_gate = torch.sigmoid(i2h_z + h2h_z)
        next_h_tmp = torch.tanh(i2h + reset_gate * h2h)
        next_h = (1. - update_gate) * next_h_tmp + update_gate * prev_state_h
        return next_h, [next_h]

    def unroll(self, length, inputs, begin_state=None, layout="NTC"):
        axis = layout.find("T")
        batch_size = inputs.shape[layout.find("N")]
        states = begin_state if begin_state is not None else self.begin_state(batch_size, inputs)
        outputs = []
        for i in range(length):
            out, states = self(inputs.select(axis, i), states)
            outputs.append(out)
        return torch.stack(outputs, dim=axis), states


class GluonGRU(nn.Module):
    def __init__(self, input_size, hidden_size, layout="TNC"):
        super().__init__()
        self.layout = layout
        self.cell = GluonGRUCell(hidden_size, input_size)

    def forward(self, inputs, states=None):
        length = inputs.shape[self.layout.find("T")]
        out, states = self.cell.unroll(length, inputs, states, self.layout)
        return out, states


class Inverted(GluonGRU):
    def forward(self, inputs, states=None):
        length = inputs.shape[self.layout.find("T")]
        states = states if states is None else [-states[0]]
        return self.cell.unroll(length, inputs, states, self.layout)
