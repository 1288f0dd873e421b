"""Names of states that are seen in the wild."""

import torch
from torch import nn


class Memory(nn.Module):
    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.input_gate = nn.Linear(input_dim + hidden_dim, hidden_dim)
        self.output_gate = nn.Linear(input_dim + hidden_dim, hidden_dim)
        self.input_node = nn.Linear(input_dim + hidden_dim, hidden_dim)
        self.forget_gate = nn.Linear(input_dim + hidden_dim, hidden_dim)

    def gates(self, x, h):
        both = torch.cat([x, h], 1)
        gates = (self.forget_gate, self.output_gate, self.input_gate)
        return *(torch.sigmoid(gate(both)) for gate in gates), torch.tanh(self.input_node(both))


class MemoryCell(Memory):
    def forward(self, x, previous_hidden_state, previous_memory_state):
        f, o, i, g = self.gates(x, previous_hidden_state)
        memory = f * previous_memory_state + i * g
        return o * torch.tanh(memory), memory


class TensorCell(Memory):
    def forward(self, input_tensor, hidden_tensor, initial_cell_state):
        f, o, i, g = self.gates(input_tensor, hidden_tensor)
        memory = f * initial_cell_state + i * g
        return o * torch.tanh(memory), memory


class AllCells(Memory):
    def forward(self, x, h, c):
        output_hiddens, output_cells = [], []
        for x_t in x:
            f, o, i, g = self.gates(x_t, h)
            c = f * c + i * g
            h = o * torch.tanh(c)
            output_hiddens.append(h)
            output_cells.append(c)
        output_hiddens, output_cells = torch.stack(output_hiddens), torch.stack(output_cells)
        return output_hiddens, output_cells


class AllCellsOfOddNames(nn.Module):
    """`output_gate` beside names that tell no gate: it reads x, and is no head."""

    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.keep = nn.Linear(input_dim + hidden_dim, hidden_dim)
        self.admit = nn.Linear(input_dim + hidden_dim, hidden_dim)
        self.propose = nn.Linear(input_dim + hidden_dim, hidden_dim)
        self.output_gate = nn.Linear(input_dim + hidden_dim, hidden_dim)

    def forward(self, x, h, c):
        hs, cs = [], []
        for x_t in x:
            both = torch.cat([x_t, h], 1)
            c = torch.sigmoid(self.keep(both)) * c + torch.sigmoid(self.admit(both)) * torch.tanh(self.propose(both))
            h = torch.sigmoid(self.output_gate(both)) * torch.tanh(c)
            hs.append(h)
            cs.append(c)
        return torch.stack(hs), torch.stack(cs)
