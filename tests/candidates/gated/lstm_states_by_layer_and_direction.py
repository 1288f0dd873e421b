"""A bidirectional stack of cells: for each layer a list of the states of both directions."""

from typing import List, Optional, Tuple
import torch
from torch import Tensor, nn

State = Tuple[Tensor, Tensor]


class BiLSTM(nn.Module):
    """Bidirectional stack; states: one list per layer, inside (forward state, backward state)."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int):
        super().__init__()
        self.hidden_size = hidden_size
        self.layers = nn.ModuleList(
            nn.ModuleList([nn.LSTMCell(input_size if i == 0 else 2 * hidden_size, hidden_size),
                           nn.LSTMCell(input_size if i == 0 else 2 * hidden_size, hidden_size)])
            for i in range(num_layers))

    def forward(self, x: Tensor, states: List[List[State]]) -> Tuple[Tensor, List[List[State]]]:
        new_states = []
        for (fw, bw), (sf, sb) in zip(self.layers, states):
            steps = list(x)
            of, ob = [], []
            for s in steps:
                sf = fw(s, sf)
                of.append(sf[0])
            for s in reversed(steps):
                sb = bw(s, sb)
                ob.append(sb[0])
            x = torch.cat([torch.stack(of), torch.stack(ob[::-1])], -1)
            new_states.append(self.both(sf, sb))
        return x, new_states

    def both(self, forward, backward):
        return [forward, backward]


class BackwardFirst(BiLSTM):
    def both(self, forward, backward):
        return [backward, forward]
