"""The function of `equations.py` in its fast form: one product for the input's share of all steps, states in place.

Packed input is walked without padding, as its rows (sum of lengths, features), step after step: `sizes` says how many
each step has, None of a batch, which has N at every step and is (L, N, features). Gradients are written out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

Activation = Callable[[Tensor], Tensor]


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
) -> tuple[Tensor | PackedSequence, Tensor]:
    """Compute what `torch.nn.RNN` computes. Arguments, results and errors are those of `equations.rnn`."""
    activation = {"tanh": torch.tanh_, "relu": torch.relu_}[nonlinearity]
    directions, p = 2 if bidirectional else 1, dropout if training else 0.0

    def run(x: Tensor, h: Tensor | None, sizes: Sequence[int] | None = None) -> tuple[Tensor, Tensor]:
        if h is None:
            h = x.new_zeros(num_layers * directions, sizes[0] if sizes else x.shape[1], len(params["weight_hh_l0"]))
        return stack(x, sizes, h, params, num_layers, directions, activation, p)

    if isinstance(input, PackedSequence):
        into, back = input.sorted_indices, input.unsorted_indices
        h = h_0 if h_0 is None or into is None else h_0.index_select(1, into)  # in the order of `.data`
        rows, h_n = run(input.data, h, input.batch_sizes.tolist())
        return input._replace(data=rows), h_n if back is None else h_n.index_select(1, back)
    if input.dim() == 2:  # one sequence: a batch of one, and back
        output, h_n = run(input[:, None], None if h_0 is None else h_0[:, None])
        return output[:, 0], h_n[:, 0]
    if batch_first:
        output, h_n = run(input.transpose(0, 1), h_0)
        return output.transpose(0, 1), h_n
    return run(input, h_0)


def stack(
    x: Tensor,
    sizes: Sequence[int] | None,
    h_0: Tensor,
    params: Mapping[str, Tensor],
    num_layers: int,
    directions: int,
    activation: Activation,
    dropout: float,
) -> tuple[Tensor, Tensor]:
    """All layers: x (L, N, H_in), or packed rows, h_0 (D*num_layers, N, H_out) -> the same of D*H_out, and h_n."""
    walk: Callable[..., tuple[Tensor, Tensor]] = _recorded_layer if torch.is_grad_enabled() else layer
    starts, final = h_0.unbind(0), []
    for k in range(num_layers):
        halves = []
        for d in range(directions):
            suffix = f"l{k}_reverse" if d else f"l{k}"
            half, h = walk(
                x,
                starts[k * directions + d],
                params[f"weight_ih_{suffix}"],
                params[f"weight_hh_{suffix}"],
                params.get(f"bias_ih_{suffix}"),
                params.get(f"bias_hh_{suffix}"),
                activation,
                sizes,
                d == 1,
            )
            halves.append(half)
            final.append(h)
        x = torch.cat(halves, dim=-1) if directions == 2 else halves[0]
        if dropout and k < num_layers - 1:
            x = F.dropout(x, dropout)  # with the masks nn.RNN draws on the CPU
    return x, torch.stack(final)


def layer(
    x: Tensor,
    h_0: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None,
    bias_hh: Tensor | None,
    activation: Activation,
    sizes: Sequence[int] | None,
    reverse: bool,
) -> tuple[Tensor, Tensor]:
    """One layer in one direction: x (L, N, H_in), or packed rows, h_0 (N, H_out) -> all states, and the last of each
    sequence (N, H_out).

    For inference: autograd is given `RecordedLayer`.
    """
    bias = None if bias_ih is None or bias_hh is None else bias_ih + bias_hh  # (H_out,)
    states = F.linear(x, weight_ih, bias)  # the input's share of every step, in one matrix product
    weight_hh_t = weight_hh.t()
    steps, ended = _steps(states, sizes), list[Tensor]()
    h = h_0 if sizes is None else _first(h_0, sizes, reverse)
    for t in _walk(len(steps), reverse):
        if sizes is not None and sizes[t] != len(h):
            h = _resized(h, sizes[t], h_0, ended)
        h = activation(steps[t].addmm_(h, weight_hh_t))  # written over the input's share: nothing is allocated
    return states, torch.cat([h, *reversed(ended)]) if ended else h.clone()  # a view would keep all states


class RecordedLayer(torch.autograd.Function):
    """`layer` with its gradients written out: backpropagation through time.

    With g_t the gradient of the sum inside the activation at step t, and dL/dh_t what reaches h_t from outside:

        g_t = (dL/dh_t + g_(t+1) W_hh) * activation'          dL/dx_t = g_t W_ih      dL/dW_ih = sum_t g_t^T x_t
        dL/db_ih = dL/db_hh = sum_t g_t                       dL/dh_0 = g_1 W_hh      dL/dW_hh = sum_t g_t^T h_(t-1)

    Autograd would come to the same from the operations themselves, with a node for every one of every step, and one
    small product and one addition for each term of a sum over time, which here is a single product. Gradients of the
    gradients are right too. `torch.func` needs to see every operation: there `equations.rnn` serves.
    """

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, Tensor]:
        """The arguments and results of `layer`."""
        x, h_0, weight_ih, weight_hh, _, _, activation, sizes, reverse = arguments
        states, h = layer(*arguments)
        ctx.save_for_backward(x, h_0, weight_ih, weight_hh, states)
        ctx.activation, ctx.sizes, ctx.reverse = activation, sizes, reverse
        return states, h

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """From the gradients of all states and of the last ones (N, H_out) those of the arguments."""
        x, h_0, weight_ih, weight_hh, states = ctx.saved_tensors
        g, grad_h_0 = _through_time(grads[0], grads[1], states, weight_hh, ctx.activation, ctx.sizes, ctx.reverse)
        g, needed = g.flatten(0, -2), ctx.needs_input_grad  # (L*N, H_out), or of packed rows as it is
        grad_bias = g.sum(0) if needed[4] or needed[5] else None  # (H_out,)
        return (
            (g @ weight_ih).view_as(x) if needed[0] else None,
            grad_h_0,  # (N, H_out)
            g.t() @ x.flatten(0, -2) if needed[2] else None,  # (H_out, H_in)
            g.t() @ _before(states, h_0, ctx.sizes, ctx.reverse).flatten(0, -2)
            if needed[3]
            else None,  # (H_out, H_out)
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
    sizes: Sequence[int] | None,
    reverse: bool,
) -> tuple[Tensor, Tensor]:
    """g of every step, found against the walk of the layer, and the gradient of h_0 (N, H_out)."""
    in_place = not torch.is_grad_enabled()  # a second derivative needs every value as it was
    times_slope, slopes = _slopes(activation, states, sizes)
    g = grad_states.clone() if in_place else grad_states
    steps, start, ended = list(_steps(g, sizes)), grad_h, list[Tensor]()
    grad_h = start if sizes is None else _first(start, sizes, not reverse)
    for t in _walk(len(steps), not reverse):
        if sizes is not None and sizes[t] != len(grad_h):
            grad_h = _resized(grad_h, sizes[t], start, ended)
        total = steps[t] + grad_h  # dL/dh_t from outside, and from the step after
        steps[t] = times_slope(total, slopes[t], out=steps[t] if in_place else None)
        grad_h = steps[t] @ weight_hh
    grad_h = torch.cat([grad_h, *reversed(ended)]) if ended else grad_h
    return g if in_place else torch.stack(steps) if sizes is None else torch.cat(steps), grad_h


def _steps(states: Tensor, sizes: Sequence[int] | None) -> Sequence[Tensor]:
    return states.unbind(0) if sizes is None else states.split_with_sizes(sizes)


def _first(start: Tensor, sizes: Sequence[int], reverse: bool) -> Tensor:
    """The rows of those sequences that a walk begins with."""
    return start[: sizes[-1] if reverse else sizes[0]]


def _resized(h: Tensor, size: int, start: Tensor, ended: list[Tensor]) -> Tensor:
    """h with as many rows as a step has: those of sequences that end are kept, those that begin come from `start`."""
    have = len(h)
    if size > have:
        return torch.cat([h, start[have:size]])
    ended.append(h[size:])
    return h[:size]


def _before(states: Tensor, h_0: Tensor, sizes: Sequence[int] | None, reverse: bool) -> Tensor:
    """The h that each state was computed from."""
    if sizes is None:
        return torch.cat([states[1:], h_0[None]] if reverse else [h_0[None], states[:-1]])
    steps = states.split_with_sizes(sizes)
    if reverse:
        pairs = zip(steps[1:], sizes[:-1], sizes[1:], strict=True)
        return torch.cat([*(part for h, size, later in pairs for part in (h, h_0[later:size])), h_0[: sizes[-1]]])
    return torch.cat([h_0[: sizes[0]], *(h[:size] for h, size in zip(steps[:-1], sizes[1:], strict=True))])


def _slopes(
    activation: Activation, states: Tensor, sizes: Sequence[int] | None
) -> tuple[Callable[..., Tensor], Sequence[Tensor]]:
    """Return how to multiply by activation', and the factor of each step: 1 - h^2 for tanh, h <= 0 for relu."""
    if activation is torch.tanh_:
        return torch.mul, _steps(1 - states * states, sizes)
    zero = states.new_zeros(())
    return lambda total, dead, out: torch.where(dead, zero, total, out=out), _steps(states <= 0, sizes)


def _walk(steps: int, reverse: bool) -> Iterable[int]:
    return reversed(range(steps)) if reverse else range(steps)
