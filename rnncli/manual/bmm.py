"""One batched matrix product per step, no shared work: the equation taken literally, W x with x a column.

Every sequence of the batch gets its own copy of the weights, and `torch.bmm` multiplies them one to one.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from .equations import Bias, States
from .stepwise import made_of


def bmm_step(
    activation: Callable[[Tensor], Tensor],
    x_t: Tensor,
    states: States,
    W_ih: Tensor,
    W_hh: Tensor,
    b_ih: Bias,
    b_hh: Bias,
) -> States:
    """x_t (N, H_in), h (N, H_out) -> the next h (N, H_out)."""
    (h,), copies = states, (len(x_t), -1, -1)
    from_input = torch.bmm(W_ih.expand(copies), x_t[:, :, None])[:, :, 0]  # (N, H_out, H_in) times (N, H_in, 1)
    from_state = torch.bmm(W_hh.expand(copies), h[:, :, None])[:, :, 0]  # (N, H_out, H_out) times (N, H_out, 1)
    return (activation(from_input + b_ih + from_state + b_hh),)


bmm = made_of({"tanh": partial(bmm_step, torch.tanh), "relu": partial(bmm_step, torch.relu)})
