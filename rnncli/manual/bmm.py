"""One batched matrix product per step and gate, no shared work: the equations taken literally, W x with x a column.

Every sequence of the batch gets its own copy of the weights, and `torch.bmm` multiplies them one to one.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from .equations import Bias, States
from .stepwise import blocks, made_of


def affine(W: Tensor, x: Tensor, b: Bias) -> Tensor:
    """Return W x + b for each x of a batch: x (N, features) -> (N, rows of W)."""
    return torch.bmm(W.expand(len(x), -1, -1), x[:, :, None])[:, :, 0] + b


def bmm_step(
    activation: Callable[[Tensor], Tensor], x: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias,
    b_hh: Bias,
) -> States:  # fmt: skip
    """x (N, H_in), h (N, H_out) -> the next h (N, H_out)."""
    return (activation(affine(W_ih, x, b_ih) + affine(W_hh, states[0], b_hh)),)


def gru_step(x: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias) -> States:
    """The same of a GRU, whose weights and biases hold three gates each."""
    (h,), three = states, [states[0].shape[1]] * 3
    W_ir, W_iz, W_in = W_ih.split_with_sizes(three)
    W_hr, W_hz, W_hn = W_hh.split_with_sizes(three)
    (b_ir, b_iz, b_in), (b_hr, b_hz, b_hn) = blocks(b_ih, three), blocks(b_hh, three)
    r = torch.sigmoid(affine(W_ir, x, b_ir) + affine(W_hr, h, b_hr))
    z = torch.sigmoid(affine(W_iz, x, b_iz) + affine(W_hz, h, b_hz))
    n = torch.tanh(affine(W_in, x, b_in) + r * affine(W_hn, h, b_hn))
    return ((1 - z) * n + z * h,)


def lstm_step(
    x: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias, W_hr: Tensor | None = None
) -> States:
    """The same of an LSTM, whose weights and biases hold four gates each."""
    (h, c), four = states, [states[1].shape[1]] * 4
    gates = zip(*(blocks(each, four) for each in (W_ih, W_hh, b_ih, b_hh)), strict=True)
    i, f, g, o = (affine(W_i, x, b_i) + affine(W_h, h, b_h) for W_i, W_h, b_i, b_h in gates)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h if W_hr is None else affine(W_hr, h, 0.0), c


bmm = made_of({
    "tanh": partial(bmm_step, torch.tanh), "relu": partial(bmm_step, torch.relu), "GRU": gru_step, "LSTM": lstm_step
})  # fmt: skip
