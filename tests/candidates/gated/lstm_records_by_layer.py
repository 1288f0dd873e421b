from dataclasses import dataclass
from typing import NamedTuple

import torch


class Layer(NamedTuple):
    W: torch.Tensor
    R: torch.Tensor
    bW: torch.Tensor
    bR: torch.Tensor


class State(NamedTuple):
    h: torch.Tensor
    c: torch.Tensor


def step(layer, x, h, c):
    i, f, g, o = (x @ layer.W.t() + layer.bW + h @ layer.R.t() + layer.bR).chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def lstm(layers, x, state):
    """layers: a list of Layer; state.h: (layers, batch, hidden)"""
    hs, cs = [], []
    for k, layer in enumerate(layers):
        h, c, outputs = state.h[k], state.c[k], []
        for t in range(x.shape[0]):
            h, c = step(layer, x[t], h, c)
            outputs.append(h)
        x = torch.stack(outputs)
        hs.append(h)
        cs.append(c)
    return x, State(torch.stack(hs), torch.stack(cs))


@dataclass
class WithStep:
    w_ih: torch.Tensor
    w_hh: torch.Tensor
    b_ih: torch.Tensor
    b_hh: torch.Tensor

    def step(self, x, h, c):
        i, f, g, o = (x @ self.w_ih.T + self.b_ih + h @ self.w_hh.T + self.b_hh).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


def of_steps(x: torch.Tensor, layers: "list[WithStep]", h0: torch.Tensor, c0: torch.Tensor):
    hs, cs = [], []
    for layer, h, c in zip(layers, h0, c0):
        outputs = []
        for x_t in x:
            h, c = layer.step(x_t, h, c)
            outputs.append(h)
        x = torch.stack(outputs)
        hs.append(h)
        cs.append(c)
    return x, torch.stack(hs), torch.stack(cs)
