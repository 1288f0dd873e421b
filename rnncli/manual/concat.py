"""One linear map over concatenated arguments: [x_t, h] @ [W_ih, W_hh]^T, as in the older TensorFlow `_linear`.

The two weights stand side by side as one matrix (H_out, H_in + H_out), and the two biases add up to one.
"""

from functools import partial

import torch
from torch import Tensor

from .equations import Activation, rnn


def concat_layer(
    x: Tensor,
    h: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None,
    bias_hh: Tensor | None,
    activation: Activation,
    reverse: bool = False,
    valid: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """x (L, N, H_in), h (N, H_out) -> states (L, N, H_out), final state (N, H_out). Arguments as in `rnn_layer`."""
    weight = torch.cat([weight_ih, weight_hh], dim=1)  # (H_out, H_in + H_out)
    bias = bias_ih + bias_hh if bias_ih is not None and bias_hh is not None else None  # (H_out,)
    inputs = x.unbind(0)  # L of (N, H_in): indexing step by step would make the backward quadratic in L
    steps = range(len(inputs))
    states: list[Tensor] = [h] * len(inputs)
    for t in reversed(steps) if reverse else steps:
        arguments = torch.cat([inputs[t], h], dim=1)  # (N, H_in + H_out)
        h_next = activation(torch.nn.functional.linear(arguments, weight, bias))  # (N, H_out)
        h = h_next if valid is None else torch.where(valid[t], h_next, h)
        states[t] = h
    return torch.stack(states), h  # (L, N, H_out), (N, H_out)


concat = partial(rnn, layer=concat_layer)
