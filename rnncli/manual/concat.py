"""One linear map over concatenated arguments: [x, h] @ [W_ih, W_hh]^T, as in the older TensorFlow `_linear`.

The two weights stand side by side as one matrix (rows, H_in + H_out), and the two biases add up to one.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from .equations import Bias, States
from .stepwise import blocks, made_of


def joined(x: Tensor, h: Tensor, W_ih: Tensor, W_hh: Tensor, bias: Bias) -> Tensor:
    """x (N, H_in), h (N, H_out) -> (N, rows of the weights)."""
    return torch.cat([x, h], dim=1) @ torch.cat([W_ih, W_hh], dim=1).T + bias


def concat_step(
    activation: Callable[[Tensor], Tensor], x: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias,
    b_hh: Bias,
) -> States:  # fmt: skip
    """x (N, H_in), h (N, H_out) -> the next h (N, H_out)."""
    return (activation(joined(x, states[0], W_ih, W_hh, b_ih + b_hh)),)


def gru_step(x: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias) -> States:
    """The same of a GRU. In n the h part stays apart: r multiplies W_hn h + b_hn alone."""
    (h,), r_z_and_n = states, [2 * states[0].shape[1], states[0].shape[1]]
    W_i, W_in = W_ih.split_with_sizes(r_z_and_n)
    W_h, W_hn = W_hh.split_with_sizes(r_z_and_n)
    (b_i, b_in), (b_h, b_hn) = blocks(b_ih, r_z_and_n), blocks(b_hh, r_z_and_n)
    r, z = torch.sigmoid(joined(x, h, W_i, W_h, b_i + b_h)).chunk(2, dim=1)
    n = torch.tanh(x @ W_in.T + b_in + r * (h @ W_hn.T + b_hn))
    return ((1 - z) * n + z * h,)


def lstm_step(
    x: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias, W_hr: Tensor | None = None
) -> States:
    """The same of an LSTM, with all four gates in one map."""
    h, c = states
    i, f, g, o = joined(x, h, W_ih, W_hh, b_ih + b_hh).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h if W_hr is None else h @ W_hr.T, c


concat = made_of({
    "tanh": partial(concat_step, torch.tanh), "relu": partial(concat_step, torch.relu),
    "GRU": gru_step, "LSTM": lstm_step,
})  # fmt: skip
