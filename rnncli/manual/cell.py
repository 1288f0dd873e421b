"""A loop over the functions inside `torch.nn.RNNCell`, `GRUCell` and `LSTMCell`: PyTorch's own step, our own walk
through time and layers.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .equations import Bias, States
from .stepwise import made_of


def cell_step(function: Callable[..., Tensor], x: Tensor, states: States, *weights: Bias) -> States:
    """x (N, H_in), h (N, H_out) -> the next h (N, H_out)."""
    return (function(x, *states, *given(weights)),)


def lstm_step(x: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias, *W_hr: Tensor) -> States:
    """The same of an LSTM, with c. `LSTMCell` projects nothing: it takes h with zeros up to the size it gives it."""
    h, c = states
    missing = [0, c.shape[1] - h.shape[1]] if W_hr else []
    h, c = torch.lstm_cell(x, [F.pad(h, missing), c], *given([W_ih, F.pad(W_hh, missing), b_ih, b_hh]))
    return h @ W_hr[0].T if W_hr else h, c


def given(weights: Any) -> list[Any]:
    return [weight if isinstance(weight, Tensor) else None for weight in weights]


cell = made_of({
    "tanh": partial(cell_step, torch.rnn_tanh_cell), "relu": partial(cell_step, torch.rnn_relu_cell),
    "GRU": partial(cell_step, torch.gru_cell), "LSTM": lstm_step,
})  # fmt: skip
