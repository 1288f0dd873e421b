"""One linear map over concatenated arguments: [x, h] @ [W_ih, W_hh]^T, as in the older TensorFlow `_linear`.

The two weights stand side by side as one matrix (rows, H_in + H_out), and the two biases add up to one.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .equations import Bias, States
from .stepwise import blocks, made_of


def joined(x: Tensor, h: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias) -> Tensor:
    """x (N, H_in), h (N, H_out) -> (N, rows of the weights)."""
    return torch.cat([x, h], dim=1) @ torch.cat([W_ih, W_hh], dim=1).T + (b_ih + b_hh)


def concat_step(activation: Callable[[Tensor], Tensor], x: Tensor, states: States, *weights: Any) -> States:
    """x (N, H_in), h (N, H_out) -> the next h (N, H_out)."""
    return (activation(joined(x, *states, *weights)),)


def gru_step(x: Tensor, states: States, *weights: Any) -> States:
    """The same of a GRU. What r multiplies, W_hn h + b_hn, cannot be joined with what it does not."""
    (h,) = states
    parts = (blocks(each, [2 * h.shape[1], h.shape[1]]) for each in weights)
    of_r_z, (W_in, W_hn, b_in, b_hn) = zip(*parts, strict=True)
    r, z = torch.sigmoid(joined(x, h, *of_r_z)).chunk(2, dim=1)
    n = torch.tanh(x @ W_in.T + b_in + r * (h @ W_hn.T + b_hn))
    return ((1 - z) * n + z * h,)


def lstm_step(x: Tensor, states: States, *weights: Any) -> States:
    """The same of an LSTM, of all four gates at once."""
    h, c = states
    i, f, g, o = joined(x, h, *weights[:4]).chunk(4, dim=1)  # (N, H_out) each
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h if len(weights) == 4 else h @ weights[4].T, c


concat = made_of({
    "tanh": partial(concat_step, torch.tanh), "relu": partial(concat_step, torch.relu),
    "GRU": gru_step, "LSTM": lstm_step,
})  # fmt: skip
