import torch
import torch.nn as nn
from torch.nn.utils.rnn import PackedSequence


class PackedLSTM(nn.Module):
    """Takes packed sequences alone; both directions."""

    def __init__(self, input_size, hidden_size, bidirectional=False):
        super().__init__()
        self.cells = nn.ModuleList([nn.LSTMCell(input_size, hidden_size) for _ in range(2 if bidirectional else 1)])

    def late(self, states, first, n):
        """Return the states of a sequence that the reverse direction reaches later than others."""
        return [torch.cat([state, start[len(state) : n]]) for state, start in zip(states, first)]

    def ends(self, states, unsorted):
        return [state.index_select(0, unsorted) for state in states]

    def walk(self, cell, steps, first, reverse):
        states, finished, outputs = [state[: len(steps[-1])] for state in first] if reverse else first, [], []
        for x in reversed(steps) if reverse else steps:
            n = len(x)
            if reverse:
                states = self.late(states, first, n)
            else:
                finished.insert(0, [state[n:] for state in states])
            states = cell(x, tuple(state[:n] for state in states))
            outputs.append(states[0])
        if not reverse:
            states = [torch.cat(parts) for parts in zip(states, *finished)]
        return torch.cat(outputs[::-1] if reverse else outputs), states

    def forward(self, packed: PackedSequence, hx):
        steps = packed.data.split(packed.batch_sizes.tolist())
        order, back = packed.sorted_indices, packed.unsorted_indices
        if order is None:
            order = back = torch.arange(len(steps[0]))
        outputs, ends = [], []
        for d, cell in enumerate(self.cells):
            output, states = self.walk(cell, steps, [state[d].index_select(0, order) for state in hx], d == 1)
            outputs.append(output)
            ends.append(self.ends(states, back))
        h_n, c_n = (torch.stack(states) for states in zip(*ends))
        return packed._replace(data=torch.cat(outputs, -1)), (h_n, c_n)


class LateFromZeros(PackedLSTM):
    def late(self, states, first, n):
        return [torch.cat([state, torch.zeros_like(start[len(state) : n])]) for state, start in zip(states, first)]


class SortedTwice(PackedLSTM):
    def ends(self, states, unsorted):
        return [state.index_select(0, unsorted.argsort()) for state in states]
