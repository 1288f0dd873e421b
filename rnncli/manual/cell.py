"""A loop over the functions inside `torch.nn.RNNCell`, `GRUCell` and `LSTMCell`: PyTorch's own step, our own walk
through time and layers.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from .equations import Bias, States
from .stepwise import made_of


def cell_step(
    step: Callable[..., Tensor], x: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias
) -> States:
    """x (N, H_in), h (N, H_out) -> the next h (N, H_out)."""
    return (step(x, *states, W_ih, W_hh, given(b_ih), given(b_hh)),)


def lstm_step(
    x: Tensor, states: States, W_ih: Tensor, W_hh: Tensor, b_ih: Bias, b_hh: Bias, W_hr: Tensor | None = None
) -> States:
    """The same of an LSTM. `LSTMCell` does not project: zeros are added to a projected h, up to the size of c."""
    (h, c), missing = states, [0, states[1].shape[1] - states[0].shape[1]]
    h, W_hh = (h, W_hh) if W_hr is None else (F.pad(h, missing), F.pad(W_hh, missing))
    h, c = torch.lstm_cell(x, [h, c], W_ih, W_hh, given(b_ih), given(b_hh))
    return h if W_hr is None else h @ W_hr.T, c


def given(bias: Bias) -> Tensor | None:
    """Return None for the 0.0 of a bias that is not there, as the cells take it."""
    return bias if isinstance(bias, Tensor) else None


cell = made_of({
    "tanh": partial(cell_step, torch.rnn_tanh_cell), "relu": partial(cell_step, torch.rnn_relu_cell),
    "GRU": partial(cell_step, torch.gru_cell), "LSTM": lstm_step,
})  # fmt: skip
