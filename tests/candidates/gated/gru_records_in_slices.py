"""Records of weights in one list, of which slices are those of each direction."""

from collections import namedtuple

import torch
import torch.nn.functional as F

GRUWeights = namedtuple("GRUWeights", ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])


def gru_cell(x, h, w):
    gi = F.linear(x, w.weight_ih, w.bias_ih)
    gh = F.linear(h, w.weight_hh, w.bias_hh)
    i_r, i_z, i_n = gi.chunk(3, dim=1)
    h_r, h_z, h_n = gh.chunk(3, dim=1)
    r = torch.sigmoid(i_r + h_r)
    z = torch.sigmoid(i_z + h_z)
    n = torch.tanh(i_n + r * h_n)
    return n + z * (h - n)


def run_direction(xs, h, w, reverse=False):
    xs = list(xs)
    if reverse:
        xs.reverse()
    ys = []
    for x in xs:
        h = gru_cell(x, h, w)
        ys.append(h)
    if reverse:
        ys.reverse()
    return ys, h


def bigru(x, h0, layers):
    """Bidirectional GRU.

    layers: one GRUWeights per layer and direction: l0, l0_reverse, l1, ...
    h0: (len(layers), N, H)
    """
    seq = list(x)
    finals = []
    for forward, backward in zip(layers[0::2], layers[1::2]):
        h_f = h0[len(finals)]
        h_b = h0[len(finals) + 1]
        out_f, last_f = run_direction(seq, h_f, forward)
        out_b, last_b = run_direction(seq, h_b, backward, reverse=True)
        finals += [last_f, last_b]
        seq = [torch.cat([f, b], dim=1) for f, b in zip(out_f, out_b)]
    return torch.stack(seq), torch.stack(finals)
