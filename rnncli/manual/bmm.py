"""One batched matrix product per step and gate, no shared work: the equations taken literally, W x with x a column.

Every sequence of the batch gets its own copy of the weights, and `torch.bmm` multiplies them one to one.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .equations import Bias, States
from .stepwise import blocks, made_of


def times(W: Tensor, x: Tensor) -> Tensor:
    """Return W x for each x of a batch (N, features): (N, rows of W)."""
    return torch.bmm(W.expand(len(x), -1, -1), x[:, :, None])[:, :, 0]


def bmm_step(
    act: Callable[[Tensor], Tensor], x: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias
) -> States:
    """x (N, H_in), h (N, H_out) -> the next h (N, H_out)."""
    (h,) = states
    return (act(times(W_ih, x) + b_ih + times(W_hh, h) + b_hh),)


def gru_step(x: Tensor, states: States, *weights: Any) -> States:
    """The same of a GRU, whose weights and biases each hold three gates."""
    (h,) = states
    (W_ir, W_iz, W_in), (W_hr, W_hz, W_hn), (b_ir, b_iz, b_in), (b_hr, b_hz, b_hn) = (
        blocks(each, [h.shape[1]] * 3) for each in weights
    )
    r = torch.sigmoid(times(W_ir, x) + b_ir + times(W_hr, h) + b_hr)
    z = torch.sigmoid(times(W_iz, x) + b_iz + times(W_hz, h) + b_hz)
    n = torch.tanh(times(W_in, x) + b_in + r * (times(W_hn, h) + b_hn))
    return ((1 - z) * n + z * h,)


def lstm_step(x: Tensor, states: States, *weights: Any) -> States:
    """The same of an LSTM, whose weights and biases each hold four gates; the last may be W_hr, which has none."""
    h, c = states
    (W_ii, W_if, W_ig, W_io), (W_hi, W_hf, W_hg, W_ho), (b_ii, b_if, b_ig, b_io), (b_hi, b_hf, b_hg, b_ho) = (
        blocks(each, [c.shape[1]] * 4) for each in weights[:4]
    )
    i = torch.sigmoid(times(W_ii, x) + b_ii + times(W_hi, h) + b_hi)
    f = torch.sigmoid(times(W_if, x) + b_if + times(W_hf, h) + b_hf)
    g = torch.tanh(times(W_ig, x) + b_ig + times(W_hg, h) + b_hg)
    o = torch.sigmoid(times(W_io, x) + b_io + times(W_ho, h) + b_ho)
    c = f * c + i * g
    h = o * torch.tanh(c)
    return h if len(weights) == 4 else times(weights[4], h), c


bmm = made_of({
    "tanh": partial(bmm_step, torch.tanh), "relu": partial(bmm_step, torch.relu), "GRU": gru_step, "LSTM": lstm_step
})  # fmt: skip
