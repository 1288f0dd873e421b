"""A loop over the function inside `torch.nn.RNNCell`: PyTorch's own step, our own walk through time and layers."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from .equations import Bias, States
from .stepwise import made_of


def cell_step(
    step: Callable[..., Tensor], x_t: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias
) -> States:
    """x_t (N, H_in), h (N, H_out) -> the next h (N, H_out)."""
    biases = [bias if isinstance(bias, Tensor) else None for bias in (b_ih, b_hh)]
    return (step(x_t, *states, W_ih, W_hh, *biases),)


cell = made_of({"tanh": partial(cell_step, torch.rnn_tanh_cell), "relu": partial(cell_step, torch.rnn_relu_cell)})
