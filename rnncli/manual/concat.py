"""One linear map over concatenated arguments: [x_t, h] @ [W_ih, W_hh]^T, as in the older TensorFlow `_linear`.

The two weights stand side by side as one matrix (H_out, H_in + H_out), and the two biases add up to one.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .equations import Bias, rnn

Activation = Callable[[Tensor], Tensor]


def concat_step(
    x_t: Tensor, h: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias, activation: Activation = torch.tanh
) -> Tensor:
    """x_t (N, H_in), h (N, H_out) -> the next h (N, H_out)."""
    weight = torch.cat([W_ih, W_hh], dim=1)  # (H_out, H_in + H_out)
    return activation(torch.cat([x_t, h], dim=1) @ weight.T + (b_ih + b_hh))


def concat(*arguments: Any, nonlinearity: str = "tanh", **others: Any) -> Any:
    """Arguments and results of `equations.rnn`."""
    step = partial(concat_step, activation=getattr(torch, nonlinearity))
    return rnn(*arguments, nonlinearity=nonlinearity, step=step, **others)
