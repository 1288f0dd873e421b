"""An Elman RNN written out: step, layer, stack. The same function as `torch.nn.RNN`, one equation at a time.

The equation (from the documentation of `torch.nn.RNN`):

    h_t = tanh(x_t W_ih^T + b_ih + h_(t-1) W_hh^T + b_hh)

Axes: L sequence length, N batch, D directions (2 if bidirectional, else 1), H_in and H_out features in and out.
This file needs torch and nothing else: paste it where you like.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

Activation = Callable[[Tensor], Tensor]
Layer = Callable[..., tuple[Tensor, Tensor]]


class Unpacked(NamedTuple):
    """A PackedSequence laid out as (L, N, H_in), its sequences sorted by length, longest first."""

    x: Tensor  # (L, N, H_in), zero where a sequence has ended
    valid: Tensor  # (L, N, 1), False where a sequence has ended
    rows: tuple[Tensor, Tensor]  # the time step and the sequence of each row of `.data`, (sum of lengths,) each


def rnn_step(projected: Tensor, h: Tensor, weight_hh: Tensor, activation: Activation) -> Tensor:
    """One time step. `projected` is x_t W_ih^T + b_ih + b_hh; with `h` it is (N, H_out), and so is the result."""
    return activation(projected + h @ weight_hh.T)  # (N, H_out)


def rnn_layer(
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
    """One layer in one direction.

    x (L, N, H_in), h (N, H_out), weight_ih (H_out, H_in), weight_hh (H_out, H_out), biases (H_out,).
    `reverse` walks from the last step to the first. `valid` (L, N, 1) is False where a sequence has ended.
    Returns the state at every step (L, N, H_out), in the order of time whatever the direction, and the final
    state (N, H_out): for the reverse direction that is the one at t = 0.
    """
    projected = x @ weight_ih.T  # (L, N, H_out): the input's share of every step, in one matrix product
    if bias_ih is not None and bias_hh is not None:
        projected = projected + (bias_ih + bias_hh)  # (L, N, H_out)
    inputs = projected.unbind(0)  # L of (N, H_out): indexing step by step would make the backward quadratic in L
    steps = range(len(inputs))
    states: list[Tensor] = [h] * len(inputs)
    for t in reversed(steps) if reverse else steps:
        h_next = rnn_step(inputs[t], h, weight_hh, activation)  # (N, H_out)
        h = h_next if valid is None else torch.where(valid[t], h_next, h)  # outside its sequence a state stands still
        states[t] = h
    return torch.stack(states), h  # (L, N, H_out), (N, H_out)


def rnn_stack(
    x: Tensor,
    h_0: Tensor | None,
    params: Mapping[str, Tensor],
    *,
    num_layers: int,
    directions: int,
    nonlinearity: str,
    dropout: float,
    layer: Layer,
    unpacked: Unpacked | None = None,
) -> tuple[Tensor, Tensor]:
    """All layers, each reading the output of the one below: x (L, N, H_in), h_0 (D*num_layers, N, H_out) or None.

    Returns output (L, N, D*H_out), forward features first, and h_n (D*num_layers, N, H_out), by layer, then direction.
    """
    activation = {"tanh": torch.tanh, "relu": torch.relu}[nonlinearity]
    if h_0 is None:
        h_0 = x.new_zeros(num_layers * directions, x.shape[1], params["weight_hh_l0"].shape[0])
    final_states = []
    for k in range(num_layers):
        outputs = []
        for direction in range(directions):
            suffix = f"l{k}_reverse" if direction else f"l{k}"
            states, h = layer(
                x,
                h_0[k * directions + direction],  # (N, H_out)
                params[f"weight_ih_{suffix}"],
                params[f"weight_hh_{suffix}"],
                params.get(f"bias_ih_{suffix}"),
                params.get(f"bias_hh_{suffix}"),
                activation,
                reverse=direction == 1,
                valid=unpacked.valid if unpacked else None,
            )
            outputs.append(states)  # (L, N, H_out)
            final_states.append(h)  # (N, H_out)
        x = torch.cat(outputs, dim=-1)  # (L, N, D*H_out): what the next layer reads
        if dropout and k < num_layers - 1:
            x = _dropout(x, dropout, unpacked)  # (L, N, D*H_out)
    return x, torch.stack(final_states)  # (L, N, D*H_out), (D*num_layers, N, H_out)


def rnn(
    input: Tensor | PackedSequence,
    h_0: Tensor | None,
    params: Mapping[str, Tensor],
    *,
    num_layers: int = 1,
    nonlinearity: str = "tanh",
    batch_first: bool = False,
    dropout: float = 0.0,
    bidirectional: bool = False,
    training: bool = False,
    layer: Layer = rnn_layer,
) -> tuple[Tensor | PackedSequence, Tensor]:
    """What `torch.nn.RNN` computes, from its arguments and parameters (named as in its state_dict, biases optional).

    input: (L, N, H_in), (N, L, H_in) with `batch_first`, (L, H_in) unbatched, or a PackedSequence.
    h_0: (D*num_layers, N, H_out) even with `batch_first`, (D*num_layers, H_out) unbatched, None for zeros.
    Returns output, laid out like input with D*H_out features, and h_n, laid out like h_0.
    Raises KeyError if a weight is missing, and RuntimeError (from the product it breaks) if a shape is wrong.
    """
    stack = partial(
        rnn_stack,
        params=params,
        num_layers=num_layers,
        directions=2 if bidirectional else 1,
        nonlinearity=nonlinearity,
        dropout=dropout if training else 0.0,
        layer=layer,
    )
    if isinstance(input, PackedSequence):
        unpacked = _unpack(input)
        if h_0 is not None and input.sorted_indices is not None:
            h_0 = h_0.index_select(1, input.sorted_indices)  # (D*num_layers, N, H_out), in the order of `.data`
        output, h_n = stack(unpacked.x, h_0, unpacked=unpacked)
        if input.unsorted_indices is not None:
            h_n = h_n.index_select(1, input.unsorted_indices)  # (D*num_layers, N, H_out), in the caller's order
        return input._replace(data=output[unpacked.rows]), h_n  # .data (sum of lengths, D*H_out)
    if input.dim() == 2:  # one sequence: a batch of one, and back
        output, h_n = stack(input.unsqueeze(1), None if h_0 is None else h_0.unsqueeze(1))
        return output.squeeze(1), h_n.squeeze(1)  # (L, D*H_out), (D*num_layers, H_out)
    if batch_first:
        output, h_n = stack(input.transpose(0, 1), h_0)
        return output.transpose(0, 1), h_n  # (N, L, D*H_out), (D*num_layers, N, H_out)
    return stack(input, h_0)  # (L, N, D*H_out), (D*num_layers, N, H_out)


def _dropout(x: Tensor, p: float, unpacked: Unpacked | None) -> Tensor:
    """Dropout with the masks `nn.RNN` draws on CPU: over the time-first output, or over `.data` when packed."""
    if unpacked is None:
        return F.dropout(x, p)
    return x.new_zeros(x.shape).index_put(unpacked.rows, F.dropout(x[unpacked.rows], p))  # (L, N, D*H_out)


def _unpack(packed: PackedSequence) -> Unpacked:
    data, batch_sizes = packed.data, packed.batch_sizes  # batch_sizes (L,): how many sequences still run at each step
    padded_size = (len(batch_sizes), int(batch_sizes[0]))  # (L, N)
    time, sequence = (torch.arange(padded_size[1]) < batch_sizes[:, None]).nonzero(as_tuple=True)  # on the CPU, always
    rows = (time.to(data.device), sequence.to(data.device))
    x = data.new_zeros(*padded_size, data.shape[-1]).index_put(rows, data)  # (L, N, H_in)
    valid = torch.zeros(*padded_size, 1, dtype=torch.bool, device=data.device)  # (L, N, 1)
    valid[rows] = True
    return Unpacked(x, valid, rows)
