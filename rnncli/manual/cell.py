"""A loop over `torch.nn.RNNCell`: PyTorch's own step, our own walk through time, layers and directions."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .equations import Activation, rnn


def cell_layer(
    x: Tensor,
    h: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None,
    bias_hh: Tensor | None,
    activation: Activation,
    reverse: bool = False,
    valid: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """x (L, N, H_in), h (N, H_out) -> states (L, N, H_out), final state (N, H_out). Arguments as in `rnn_layer`."""
    hidden_size, input_size = weight_ih.shape
    with torch.random.fork_rng(devices=[]):  # the cell initialises weights we replace: leave dropout's generator alone
        cell = nn.RNNCell(
            input_size, hidden_size, bias=bias_ih is not None, nonlinearity=activation.__name__.rstrip("_")
        )
    weights = {"weight_ih": weight_ih, "weight_hh": weight_hh}
    if bias_ih is not None and bias_hh is not None:
        weights |= {"bias_ih": bias_ih, "bias_hh": bias_hh}
    inputs = x.unbind(0)  # L of (N, H_in): indexing step by step would make the backward quadratic in L
    steps = range(len(inputs))
    states: list[Tensor] = [h] * len(inputs)
    for t in reversed(steps) if reverse else steps:
        h_next = functional_call(cell, weights, (inputs[t], h))  # (N, H_out)
        h = h_next if valid is None else torch.where(valid[t], h_next, h)
        states[t] = h
    return torch.stack(states), h  # (L, N, H_out), (N, H_out)


cell = partial(rnn, layer=cell_layer)
