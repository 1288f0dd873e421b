"""One linear map over concatenated arguments: [x_t, h] @ [W_ih, W_hh]^T, as in the older TensorFlow `_linear`.

The two weights stand side by side as one matrix (H_out, H_in + H_out), and the two biases add up to one.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from .equations import Bias, States
from .stepwise import made_of


def concat_step(
    activation: Callable[[Tensor], Tensor],
    x_t: Tensor,
    states: States,
    W_ih: Tensor,
    W_hh: Tensor,
    b_ih: Bias,
    b_hh: Bias,
) -> States:
    """x_t (N, H_in), h (N, H_out) -> the next h (N, H_out)."""
    weight = torch.cat([W_ih, W_hh], dim=1)  # (H_out, H_in + H_out)
    return (activation(torch.cat([x_t, *states], dim=1) @ weight.T + (b_ih + b_hh)),)


concat = made_of({"tanh": partial(concat_step, torch.tanh), "relu": partial(concat_step, torch.relu)})
