"""One batched matrix product per step, no shared work: the textbook form.

Every sequence of the batch gets its own copy of the weights, and `torch.bmm` multiplies them one to one. It is the
equation taken literally, W x with x a column, and it repeats for every step what `equations.py` does once.
"""

from functools import partial

import torch
from torch import Tensor

from .equations import Activation, rnn


def bmm_layer(
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
    batch_size = x.shape[1]
    weight_ih = weight_ih.expand(batch_size, -1, -1)  # (N, H_out, H_in)
    weight_hh = weight_hh.expand(batch_size, -1, -1)  # (N, H_out, H_out)
    inputs = x.unbind(0)  # L of (N, H_in): indexing step by step would make the backward quadratic in L
    steps = range(len(inputs))
    states: list[Tensor] = [h] * len(inputs)
    for t in reversed(steps) if reverse else steps:
        from_input = torch.bmm(weight_ih, inputs[t].unsqueeze(-1)).squeeze(-1)  # (N, H_out)
        from_state = torch.bmm(weight_hh, h.unsqueeze(-1)).squeeze(-1)  # (N, H_out)
        if bias_ih is not None and bias_hh is not None:
            from_input, from_state = from_input + bias_ih, from_state + bias_hh
        h_next = activation(from_input + from_state)  # (N, H_out)
        h = h_next if valid is None else torch.where(valid[t], h_next, h)
        states[t] = h
    return torch.stack(states), h  # (L, N, H_out), (N, H_out)


bmm = partial(rnn, layer=bmm_layer)
