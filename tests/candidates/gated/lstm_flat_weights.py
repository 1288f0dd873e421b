from typing import List, Tuple

import torch
from torch import Tensor


def lstm(input: Tensor, hx: Tuple[Tensor, Tensor], flat_weights: List[Tensor], num_layers: int, bidirectional: bool):
    """As torch._VF.lstm: flat_weights holds w_ih, w_hh, b_ih, b_hh for each layer and direction."""
    D = 2 if bidirectional else 1
    h_all, c_all = hx
    hs, cs = [], []
    it = iter(flat_weights)
    for layer in range(num_layers):
        pieces = []
        for d in range(D):
            w_ih, w_hh, b_ih, b_hh = next(it), next(it), next(it), next(it)
            h, c = h_all[layer * D + d], c_all[layer * D + d]
            order = range(input.size(0))
            if d == 1:
                order = reversed(order)
            outs = {}
            for t in order:
                gates = torch.nn.functional.linear(input[t], w_ih, b_ih) + torch.nn.functional.linear(h, w_hh, b_hh)
                i, f, g, o = gates.chunk(4, dim=-1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
                outs[t] = h
            pieces.append(torch.stack([outs[t] for t in range(input.size(0))]))
            hs.append(h)
            cs.append(c)
        input = torch.cat(pieces, dim=-1)
    return input, torch.stack(hs), torch.stack(cs)
