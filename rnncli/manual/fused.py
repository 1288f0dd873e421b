"""The function of `equations.py` in its fast form: one product for the input's share of all steps, states in place.

Packed input is walked without padding, as its rows (sum of lengths, features), step after step: `sizes` says how many
each step has, None of a batch, which has N at every step and is (L, N, features). Gradients are written out.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from . import equations
from .equations import Params, States, flipped
from .fused_steps import FAST_CELLS, Cell, StepOf
from .stepwise import made_of

Sizes = Sequence[int] | None
Walk = tuple[Cell, Sizes, bool]  # True if from the last step to the first
MANY = 8  # steps from which on a transposed copy of W_hh saves more time, in faster products, than it takes


def recurrent(
    cell: Cell, input: Tensor | PackedSequence, states: States, params: Params, directions: int, batch_first: bool,
    dropout: float,
) -> tuple[Tensor | PackedSequence, States]:  # fmt: skip
    """All layers. Arguments and results are those of `equations.recurrent`, but for the cell in place of its step."""

    def run(x: Tensor, states: States, sizes: Sizes = None) -> tuple[Tensor, States]:
        return stack(cell, x, sizes, states, params, directions, dropout)

    if isinstance(input, PackedSequence):
        into, back = input.sorted_indices, input.unsorted_indices
        states = states if into is None else tuple(h.index_select(1, into) for h in states)  # in the order of `.data`
        rows, states = run(input.data, states, input.batch_sizes.tolist())
        return input._replace(data=rows), states if back is None else tuple(h.index_select(1, back) for h in states)
    if input.dim() == 2:  # one sequence: a batch of one, and back
        output, states = run(input[:, None], tuple(h[:, None] for h in states))
        return output[:, 0], tuple(h[:, 0] for h in states)
    if batch_first:
        output, states = run(input.transpose(0, 1), states)
        return output.transpose(0, 1), states
    return run(input, states)


rnn = made_of(FAST_CELLS, recurrent)


def stack(
    cell: Cell, x: Tensor, sizes: Sizes, states: States, params: Params, directions: int, dropout: float
) -> tuple[Tensor, States]:
    """All layers: x (L, N, H_in), or packed rows, states (D*num_layers, N, H_out) -> the same of D*H_out, and the last.

    Raises KeyError if a weight is missing, and RuntimeError if a shape is wrong.
    """
    sequences, num_layers = sizes[0] if sizes else x.shape[1], states[0].shape[0] // directions
    if states[0].shape[1] != sequences:
        raise RuntimeError(f"states of {sequences} sequences expected, not of {states[0].shape[1]}")
    run: Callable[..., States] = _recorded_layer if torch.is_grad_enabled() else layer
    starts, final = list(zip(*[rows.unbind(0) for rows in states], strict=True)), []
    for k in range(num_layers):
        halves = []
        for d in range(directions):
            suffix = f"l{k}_reverse" if d else f"l{k}"
            weights = params[f"weight_ih_{suffix}"], params[f"weight_hh_{suffix}"]
            others = params.get(f"bias_ih_{suffix}"), params.get(f"bias_hh_{suffix}"), params.get(f"weight_hr_{suffix}")
            half, *last = run((cell, sizes, d == 1), x, *weights, *others, *starts[k * directions + d])
            halves.append(half)
            final.append(last)
        x = torch.cat(halves, dim=-1) if directions == 2 else halves[0]
        if dropout and k < num_layers - 1:
            x = F.dropout(x, dropout)  # with the masks torch's layers draw on the CPU
    return x, tuple(map(torch.stack, zip(*final, strict=True)))


def layer(walk: Walk, *arguments: Any) -> States:
    """One layer in one direction, for inference: x (L, N, H_in), or packed rows, W_ih, W_hh, b_ih, b_hh, W_hr (None
    where there is none), first states (N, H_out) -> h of all steps, and the last states of each sequence (N, H_out).
    """
    kept, last = _forward(False, walk, *arguments)
    return kept[0], *last


class RecordedLayer(torch.autograd.Function):
    """`layer` with its gradients written out: backpropagation through time.

    With a_t = W_ih x_t + b_ih and s_t = W_hh h_(t-1) + b_hh, whose gradients a cell finds step by step, the last first:

        dL/dx_t = dL/da_t W_ih      dL/dW_ih = sum_t dL/da_t^T x_t          dL/db_ih = sum_t dL/da_t
        dL/dh_0 = dL/ds_1 W_hh      dL/dW_hh = sum_t dL/ds_t^T h_(t-1)      dL/db_hh = sum_t dL/ds_t

    Autograd would come to the same from the operations themselves, with a node for every one of every step, and one
    small product and one addition for each term of a sum over time, which here is a single product. Gradients of the
    gradients are those of `equations.py`. `torch.func` needs to see every operation: there `equations` serves.
    """

    @staticmethod
    def forward(ctx: Any, walk: Walk, *arguments: Any) -> States:
        """The arguments and results of `layer`."""
        kept, last = _forward(True, walk, *arguments)
        ctx.save_for_backward(*arguments, *kept)
        ctx.walk = walk
        return kept[0], *last

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """From the gradients of h of all steps and of the last states (N, H_out) those of the arguments."""
        (cell, sizes, reverse), needed = ctx.walk, ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():  # for a second derivative
            return None, *_from_equations(ctx.walk, ctx.saved_tensors[: 5 + len(grads)], needed, grads)
        x, *tensors = ctx.saved_tensors
        weights, states, last = tuple(tensors[:5]), tensors[5:], grads[1:]
        starts, kept = states[: len(last)], states[len(last) :]
        before = [_before(*pair, sizes, reverse) for pair in zip(kept, starts, strict=False)]
        total = grads[0].clone(memory_format=torch.contiguous_format)
        columns, s, views, step_of = cell.backward(total, kept, before, weights)
        grad_starts = _walk(step_of, views, last, sizes, not reverse)
        s = s.flatten(0, -2)
        a = s if len(columns) == 1 else torch.cat(columns, -1).flatten(0, -2)
        grad_bias = a.sum(0) if needed[3] or needed[4] else None
        return (
            None,
            (a @ weights[0]).view_as(x) if needed[0] else None,
            a.t() @ x.flatten(0, -2) if needed[1] else None,
            s.t() @ before[0].flatten(0, -2) if needed[2] else None,
            grad_bias if needed[3] else None,
            (grad_bias if a is s else s.sum(0)) if needed[4] else None,
            total.flatten(0, -2).t() @ kept[-1].flatten(0, -2) if needed[5] else None,
            *grad_starts,
        )


# `Function.apply` first looks for transforms of `torch.func`, which takes a small layer a tenth of its time. Those are
# not for these equations, and torch raises where one meets them.
_recorded_layer = super(torch.autograd.Function, RecordedLayer).apply


def _forward(recorded: bool, walk: Walk, x: Tensor, *tensors: Any) -> tuple[States, States]:
    (cell, sizes, reverse), W_hh = walk, tensors[1]
    many = (len(sizes) if sizes else x.shape[0]) >= MANY
    kept, views, step_of = cell.forward(recorded, x, tensors[:5], W_hh.t().contiguous() if many else W_hh.t())
    last = _walk(step_of, views, tensors[5:], sizes, reverse)
    return kept, tuple(h.clone() for h in last)  # a view would keep the states of all steps


def _walk(step_of: StepOf, views: States, starts: States, sizes: Sizes, reverse: bool) -> States:
    """Take each step from its own rows of the views and from what the one before returns; of each sequence the last."""
    states = starts
    if sizes is None:
        step, rows = step_of(starts[0].shape[0]), zip(*[view.unbind(0) for view in views], strict=True)
        for row in reversed(list(rows)) if reverse else rows:
            states = step(row, states)
        return states
    rows = zip(*[view.split_with_sizes(sizes) for view in views], sizes, strict=True)
    have, ended = sizes[-1] if reverse else sizes[0], list[States]()
    states, step = tuple(start[:have] for start in starts) if reverse else starts, step_of(have)
    for *row, size in reversed(list(rows)) if reverse else rows:
        if size != have:
            if size > have:  # sequences begin
                states = tuple(torch.cat([h, start[have:size]]) for h, start in zip(states, starts, strict=True))
            else:
                states, rest = zip(*[h.split_with_sizes([size, have - size]) for h in states], strict=True)
                ended.append(rest)
            have, step = size, step_of(size)
        states = step(row, states)
    return tuple(map(torch.cat, zip(states, *reversed(ended), strict=True))) if ended else states


def _before(states: Tensor, start: Tensor, sizes: Sizes, reverse: bool) -> Tensor:
    """The state that each was computed from."""
    if sizes is None:
        return torch.cat([states[1:], start.unsqueeze(0)] if reverse else [start.unsqueeze(0), states[:-1]])
    steps = states.split_with_sizes(sizes)
    if reverse:
        pairs = zip(steps[1:], sizes[:-1], sizes[1:], strict=True)
        return torch.cat([*(part for h, size, later in pairs for part in (h, start[later:size])), start[: sizes[-1]]])
    return torch.cat([start[: sizes[0]], *(h[:size] for h, size in zip(steps[:-1], sizes[1:], strict=True))])


def _from_equations(
    walk: Walk, arguments: Sequence[Tensor | None], needed: Sequence[bool], grads: Sequence[Tensor]
) -> list[Tensor | None]:
    """The gradients as autograd finds them from the equation, so that it can go on to their own."""
    (cell, sizes, reverse), lengths = walk, None
    own: list[Any] = [given if given is None else given.view_as(given) for given in arguments]  # ends of the graph
    x, weights = own[0], [0.0 if weight is None else weight for weight in (own[1:5] if own[5] is None else own[1:6])]
    if sizes is not None:
        x, lengths = pad_packed_sequence(PackedSequence(x, torch.tensor(sizes)))
    h, last = equations.layer(cell.equation, flipped(x, lengths) if reverse else x, tuple(own[6:]), weights, lengths)
    h = flipped(h, lengths) if reverse else h
    h = h if lengths is None else pack_padded_sequence(h, lengths).data
    wanted = [given for given, need in zip(own, needed, strict=True) if need]
    found = iter(torch.autograd.grad([h, *last], wanted, grads, create_graph=True))
    return [next(found) if need else None for need in needed]
