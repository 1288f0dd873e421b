"""One batched matrix product per step, no shared work: the equation taken literally, W x with x a column.

Every sequence of the batch gets its own copy of the weights, and `torch.bmm` multiplies them one to one.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .equations import Bias, rnn

Activation = Callable[[Tensor], Tensor]


def bmm_step(
    x_t: Tensor, h: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias, activation: Activation = torch.tanh
) -> Tensor:
    """x_t (N, H_in), h (N, H_out) -> the next h (N, H_out)."""
    copies = len(x_t), -1, -1
    from_input = torch.bmm(W_ih.expand(copies), x_t[:, :, None])[:, :, 0]  # (N, H_out, H_in) times (N, H_in, 1)
    from_state = torch.bmm(W_hh.expand(copies), h[:, :, None])[:, :, 0]  # (N, H_out, H_out) times (N, H_out, 1)
    return activation(from_input + b_ih + from_state + b_hh)


def bmm(*arguments: Any, nonlinearity: str = "tanh", **others: Any) -> Any:
    """Arguments and results of `equations.rnn`."""
    step = partial(bmm_step, activation=getattr(torch, nonlinearity))
    return rnn(*arguments, nonlinearity=nonlinearity, step=step, **others)
