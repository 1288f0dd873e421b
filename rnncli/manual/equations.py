"""An Elman RNN written out: step, layer, stack. The same function as `torch.nn.RNN`, one equation at a time.

The equation (from the documentation of `torch.nn.RNN`):

    h_t = tanh(x_t W_ih^T + b_ih + h_(t-1) W_hh^T + b_hh)

Axes: L sequence length, N batch, D directions (2 if bidirectional, else 1), H_in and H_out features in and out.
This file needs torch and nothing else: paste it where you like.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

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


def rnn_step(projected: Tensor, h: Tensor, weight_hh_t: Tensor, activation: Activation) -> Tensor:
    """One time step. `projected` is x_t W_ih^T + b_ih + b_hh, (N, H_out) as h is, and `weight_hh_t` is W_hh^T.

    The new state (N, H_out) is written over `projected`: nothing is allocated.
    """
    return activation(projected.addmm_(h, weight_hh_t))  # (N, H_out)


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
    """One layer in one direction, for inference: autograd is given `RecordedLayer`.

    x (L, N, H_in), h (N, H_out), weight_ih (H_out, H_in), weight_hh (H_out, H_out), biases (H_out,).
    `reverse` walks from the last step to the first. `valid` (L, N, 1) is False where a sequence has ended.
    Returns the state at every step (L, N, H_out), in the order of time whatever the direction, and the final
    state (N, H_out): for the reverse direction that is the one at t = 0.
    """
    bias = None if bias_ih is None or bias_hh is None else bias_ih + bias_hh  # (H_out,)
    states = F.linear(x, weight_ih, bias)  # (L, N, H_out): the input's share of every step, in one matrix product
    weight_hh_t = weight_hh.t()  # (H_out, H_out)
    rows = states.unbind(0)  # L of (N, H_out)
    for t in _walk(len(rows), reverse):
        before, h = h, rnn_step(rows[t], h, weight_hh_t, activation)  # (N, H_out)
        if valid is not None:
            h.copy_(torch.where(valid[t], h, before))  # outside its sequence a state stands still
    return states, h.clone()  # (L, N, H_out), (N, H_out): a view of the last state would keep all of them


class RecordedLayer(torch.autograd.Function):
    """`rnn_layer` with its gradients written out: backpropagation through time.

    With g_t the gradient of the sum inside the activation at step t, and dL/dh_t what reaches h_t from outside:

        g_t = (dL/dh_t + g_(t+1) W_hh) * activation'          dL/dx_t = g_t W_ih      dL/dW_ih = sum_t g_t^T x_t
        dL/db_ih = dL/db_hh = sum_t g_t                       dL/dh_0 = g_1 W_hh      dL/dW_hh = sum_t g_t^T h_(t-1)

    Autograd would come to the same from the operations themselves, with a node for every one of every step, and one
    small product and one addition for each term of a sum over time, which here is a single product. Gradients of the
    gradients are right too. `torch.func` needs to see every operation: there `concat` serves.
    """

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, Tensor]:
        """The arguments and results of `rnn_layer`."""
        x, h_0, weight_ih, weight_hh, _, _, activation, reverse, valid = arguments
        states, h = rnn_layer(*arguments)
        ctx.save_for_backward(x, h_0, weight_ih, weight_hh, states, valid)
        ctx.activation, ctx.reverse = activation, reverse
        return states, h

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """From the gradients of states (L, N, H_out) and of the final state (N, H_out) those of the arguments."""
        x, h_0, weight_ih, weight_hh, states, valid = ctx.saved_tensors
        g, grad_h_0 = _through_time(grads[0], grads[1], states, weight_hh, ctx.activation, ctx.reverse, valid)
        g, needed = g.flatten(0, 1), ctx.needs_input_grad  # (L*N, H_out)
        steps_before = [states[1:], h_0[None]] if ctx.reverse else [h_0[None], states[:-1]]
        grad_bias = g.sum(0) if needed[4] or needed[5] else None  # (H_out,)
        return (
            (g @ weight_ih).view_as(x) if needed[0] else None,  # (L, N, H_in)
            grad_h_0,  # (N, H_out)
            g.t() @ x.flatten(0, 1) if needed[2] else None,  # (H_out, H_in)
            g.t() @ torch.cat(steps_before).flatten(0, 1) if needed[3] else None,  # (H_out, H_out)
            grad_bias if needed[4] else None,
            grad_bias if needed[5] else None,
            None,
            None,
            None,
        )


# `Function.apply` first looks for transforms of `torch.func`, which takes a small layer a tenth of its time. Those are
# not for these equations, and torch raises where one meets them.
_recorded_layer = super(torch.autograd.Function, RecordedLayer).apply


def _through_time(
    grad_states: Tensor,
    grad_h: Tensor,
    states: Tensor,
    weight_hh: Tensor,
    activation: Activation,
    reverse: bool,
    valid: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """g of every step (L, N, H_out), found against the walk of the layer, and the gradient of h_0 (N, H_out)."""
    in_place = not torch.is_grad_enabled()  # a second derivative needs every value as it was
    times_slope, slopes = _slopes(activation, states)
    g = grad_states.clone() if in_place else grad_states
    rows = list(g.unbind(0))  # L of (N, H_out)
    for t in _walk(len(rows), not reverse):
        out = rows[t] if in_place else None
        total = rows[t] + grad_h  # (N, H_out): dL/dh_t from outside, and from the step after
        rows[t] = times_slope(total, slopes[t], out=out)  # (N, H_out)
        grad_h = rows[t] @ weight_hh  # (N, H_out)
        if valid is not None:  # outside its sequence a state stands still: what reaches it is passed on
            rows[t] = torch.where(valid[t], rows[t], rows[t].new_zeros(()), out=out)
            grad_h = torch.where(valid[t], grad_h, total)
    return g if in_place else torch.stack(rows), grad_h


def _slopes(activation: Activation, states: Tensor) -> tuple[Callable[..., Tensor], Sequence[Tensor]]:
    """How to multiply by activation', and with what, at each step: 1 - h^2 for tanh; for relu, whether h <= 0."""
    if activation is torch.tanh_:
        return torch.mul, (1 - states * states).unbind(0)
    zero = states.new_zeros(())
    return lambda total, dead, out: torch.where(dead, zero, total, out=out), (states <= 0).unbind(0)


def _walk(steps: int, reverse: bool) -> Iterable[int]:
    return reversed(range(steps)) if reverse else range(steps)


def rnn_stack(
    x: Tensor,
    h_0: Tensor | None,
    params: Mapping[str, Tensor],
    num_layers: int,
    directions: int,
    activation: Activation,
    dropout: float,
    layer: Layer,
    unpacked: Unpacked | None = None,
) -> tuple[Tensor, Tensor]:
    """All layers, each reading the output of the one below: x (L, N, H_in), h_0 (D*num_layers, N, H_out) or None.

    Returns output (L, N, D*H_out), forward features first, and h_n (D*num_layers, N, H_out), by layer, then direction.
    """
    if h_0 is None:
        h_0 = x.new_zeros(num_layers * directions, x.shape[1], params["weight_hh_l0"].shape[0])
    initial_states = h_0.unbind(0)  # D*num_layers of (N, H_out)
    final_states = []
    for k in range(num_layers):
        outputs = []
        for direction in range(directions):
            suffix = f"l{k}_reverse" if direction else f"l{k}"
            states, h = layer(
                x,
                initial_states[k * directions + direction],  # (N, H_out)
                params[f"weight_ih_{suffix}"],
                params[f"weight_hh_{suffix}"],
                params.get(f"bias_ih_{suffix}"),
                params.get(f"bias_hh_{suffix}"),
                activation,
                direction == 1,
                unpacked.valid if unpacked else None,
            )
            outputs.append(states)  # (L, N, H_out)
            final_states.append(h)  # (N, H_out)
        x = torch.cat(outputs, dim=-1) if directions == 2 else outputs[0]  # (L, N, D*H_out): what the next layer reads
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
    layer: Layer | None = None,
) -> tuple[Tensor | PackedSequence, Tensor]:
    """What `torch.nn.RNN` computes, from its arguments and parameters (named as in its state_dict, biases optional).

    input: (L, N, H_in), (N, L, H_in) with `batch_first`, (L, H_in) unbatched, or a PackedSequence.
    h_0: (D*num_layers, N, H_out) even with `batch_first`, (D*num_layers, H_out) unbatched, None for zeros.
    Returns output, laid out like input with D*H_out features, and h_n, laid out like h_0.
    Raises KeyError if a weight is missing, and RuntimeError (from the product it breaks) if a shape is wrong.
    """
    activation = {"tanh": torch.tanh_, "relu": torch.relu_}[nonlinearity]
    directions, p = 2 if bidirectional else 1, dropout if training else 0.0
    walk = layer or (_recorded_layer if torch.is_grad_enabled() else rnn_layer)

    def stack(x: Tensor, h_0: Tensor | None, unpacked: Unpacked | None = None) -> tuple[Tensor, Tensor]:
        return rnn_stack(x, h_0, params, num_layers, directions, activation, p, walk, unpacked)

    if isinstance(input, PackedSequence):
        unpacked = _unpack(input)
        if h_0 is not None and input.sorted_indices is not None:
            h_0 = h_0.index_select(1, input.sorted_indices)  # (D*num_layers, N, H_out), in the order of `.data`
        output, h_n = stack(unpacked.x, h_0, unpacked)
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
