"""The function of `equations.py` in its fast form: one product for the input's share of all steps, states in place.

All sequences are walked as rows (R, features), step after step, R the number of steps of all of them: `sizes` says how
many rows each step has. Packed input is so already, and nothing is padded. Gradients are written out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from . import equations
from .equations import States
from .fused_steps import CELLS, Cell, Views, Walks
from .stepwise import zeros

Weights = Sequence[Tensor | None]  # W_ih, W_hh, b_ih, b_hh, W_hr
MANY = 8  # steps after which a transposed copy of W_hh costs less than it saves: products with it are a quarter faster


def rnn(
    input: Tensor | PackedSequence,
    states: Tensor | States | None,
    params: Mapping[str, Tensor],
    *,
    cell: str = "RNN",
    num_layers: int = 1,
    nonlinearity: str = "tanh",
    batch_first: bool = False,
    dropout: float = 0.0,
    bidirectional: bool = False,
    training: bool = False,
) -> tuple[Tensor | PackedSequence, Tensor | States]:
    """Compute what `torch.nn.RNN`, GRU or LSTM computes. Arguments and results are those of `made_of`."""
    directions = 2 if bidirectional else 1
    if states is None:
        states = zeros(input, params, cell, num_layers * directions, batch_first)
    start = (states,) if isinstance(states, Tensor) else states
    one, p = CELLS[nonlinearity if cell == "RNN" else cell], dropout if training else 0.0

    if isinstance(input, PackedSequence):  # its sequences are sorted, longest first, and so must be the states
        into, back = input.sorted_indices, input.unsorted_indices
        start = start if into is None else tuple(rows.index_select(1, into) for rows in start)
        rows, last = stack(one, input.data, input.batch_sizes.tolist(), start, params, num_layers, directions, p)
        last = last if back is None else tuple(rows.index_select(1, back) for rows in last)
        return input._replace(data=rows), last if cell == "LSTM" else last[0]
    if input.dim() == 2:  # one sequence: a batch of one, and back
        start = tuple(rows[:, None] for rows in start)
        output, last = stack(one, input, [1] * len(input), start, params, num_layers, directions, p)
        last = tuple(rows[:, 0] for rows in last)
    else:
        x = input.transpose(0, 1) if batch_first else input
        L, N, _ = x.shape
        rows, last = stack(one, x.flatten(0, 1), [N] * L, start, params, num_layers, directions, p)
        output = rows.view(L, N, rows.shape[1])
        output = output.transpose(0, 1) if batch_first else output
    return output, last if cell == "LSTM" else last[0]


def stack(
    cell: Cell,
    x: Tensor,
    sizes: Sequence[int],
    states: States,
    params: Mapping[str, Tensor],
    num_layers: int,
    directions: int,
    dropout: float,
) -> tuple[Tensor, States]:
    """All layers: x (L, N, H_in), or packed rows, states (D*num_layers, N, H_out) -> output and the last states."""
    run: Callable[..., States] = _recorded_layer if torch.is_grad_enabled() else layer
    starts, final = list(zip(*(rows.unbind(0) for rows in states), strict=True)), []
    for k in range(num_layers):
        halves = []
        for d in range(directions):
            suffix = f"l{k}_reverse" if d else f"l{k}"
            half, *last = run(
                cell,
                sizes,
                d == 1,
                x,
                params[f"weight_ih_{suffix}"],
                params[f"weight_hh_{suffix}"],
                params.get(f"bias_ih_{suffix}"),
                params.get(f"bias_hh_{suffix}"),
                params.get(f"weight_hr_{suffix}"),
                *starts[k * directions + d],
            )
            halves.append(half)
            final.append(last)
        x = torch.cat(halves, dim=-1) if directions == 2 else halves[0]
        if dropout and k < num_layers - 1:
            x = F.dropout(x, dropout)  # with the masks torch's layers draw on the CPU
    return x, tuple(map(torch.stack, zip(*final, strict=True)))


def layer(cell: Cell, sizes: Sequence[int], reverse: bool, x: Tensor, *tensors: Tensor) -> States:
    """One layer in one direction, for inference: of the weights and the first states, h of all steps and the last."""
    kept, last = _forward(cell, False, sizes, reverse, x, tensors[:5], tensors[5:])
    return kept[0], *last


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
    def forward(ctx: Any, cell: Cell, sizes: Sequence[int], reverse: bool, x: Tensor, *tensors: Tensor) -> States:
        """The arguments and results of `layer`."""
        kept, last = _forward(cell, True, sizes, reverse, x, tensors[:5], tensors[5:])
        ctx.save_for_backward(x, *tensors, *kept)
        ctx.walk = cell, sizes, reverse
        return kept[0], *(rows.clone() for rows in last)

    @staticmethod
    def backward(ctx: Any, grad_h: Tensor, *grad_last: Tensor) -> tuple[Tensor | None, ...]:
        """From the gradients of all states and of the last ones (N, H_out) those of the arguments."""
        (cell, sizes, reverse), needed = ctx.walk, ctx.needs_input_grad[3:]
        if torch.is_grad_enabled():  # for a second derivative
            return None, None, None, *_from_equations(ctx, (grad_h, *grad_last))
        x, W_ih, W_hh, _, _, W_hr, *tensors = ctx.saved_tensors
        starts, kept = tensors[: len(grad_last)], tensors[len(grad_last) :]
        before = [_before(*pair, sizes, reverse) for pair in zip(kept, starts, strict=False)]
        totals = grad_h.clone(memory_format=torch.contiguous_format)
        g_x, g_h, views, step = cell.backward(totals, kept, before, W_hh, W_hr)
        grad_starts = _walk(step, views, grad_last, sizes, not reverse)
        g_x = g_x[0] if len(g_x) == 1 else torch.cat(g_x, 1)
        return (
            *(None, None, None),
            g_x @ W_ih if needed[0] else None,
            g_x.t() @ x if needed[1] else None,
            g_h.t() @ before[0] if needed[2] else None,
            g_x.sum(0) if needed[3] else None,
            g_h.sum(0) if needed[4] else None,
            totals.t() @ kept[-1] if needed[5] else None,
            *grad_starts,
        )


# `Function.apply` first looks for transforms of `torch.func`, which takes a small layer a tenth of its time. Those are
# not for these equations, and torch raises where one meets them.
_recorded_layer = super(torch.autograd.Function, RecordedLayer).apply


def _forward(
    cell: Cell, recorded: bool, sizes: Sequence[int], reverse: bool, x: Tensor, weights: Weights, starts: States
) -> tuple[States, States]:
    W_ih, W_hh, *rest = weights
    W_hh_t = W_hh.t() if len(sizes) <= MANY else W_hh.t().contiguous()
    kept, views, step = cell.forward(recorded, x, W_ih, W_hh_t, *rest)
    return kept, _walk(step, views, starts, sizes, reverse)


def _walk(step_of: Walks, views: Views, starts: States, sizes: Sequence[int], reverse: bool) -> States:
    """Take a step for the rows of each time in turn."""
    steps = zip(*(view.split_with_sizes(sizes) for view in views), strict=True)
    if reverse:
        steps, sizes = reversed(list(steps)), sizes[::-1]
    states, size, ended = starts, sizes[0], []
    if sizes[-1] > size:  # the reverse direction begins with the longest sequences
        states = tuple(start[:size] for start in starts)
    step = step_of(size)
    for row, needed in zip(steps, sizes, strict=True):
        if needed != size:
            if needed > size:
                states = tuple(torch.cat([h, start[size:needed]]) for h, start in zip(states, starts, strict=False))
            else:
                ended.append([h[needed:] for h in states])
                states = tuple(h[:needed] for h in states)
            size, step = needed, step_of(needed)
        states = step(row, states)
    return tuple(map(torch.cat, zip(states, *reversed(ended), strict=True))) if ended else states


def _before(rows: Tensor, start: Tensor, sizes: Sequence[int], reverse: bool) -> Tensor:
    """The state that each was computed from."""
    first, last = sizes[0], sizes[-1]
    if first == last:
        return torch.cat([rows[first:], start] if reverse else [start, rows[: len(rows) - first]])
    steps = rows.split_with_sizes(sizes)
    if reverse:
        pairs = zip(steps[1:], sizes[:-1], sizes[1:], strict=True)
        return torch.cat([*(part for h, size, later in pairs for part in (h, start[later:size])), start[:last]])
    return torch.cat([start[:first], *(h[:size] for h, size in zip(steps, sizes[1:], strict=False))])


def _from_equations(ctx: Any, grads: States) -> list[Tensor | None]:
    """The gradients of the arguments as autograd finds them, so that it can go on to their own."""
    (cell, sizes, reverse), needed, count = ctx.walk, ctx.needs_input_grad[3:], len(grads) - 1
    tensors = [given if given is None else given.view_as(given) for given in ctx.saved_tensors[: 6 + count]]
    x, *weights = tensors[:6]
    x, lengths = pad_packed_sequence(PackedSequence(x, torch.tensor(sizes)))
    used = [0.0 if weight is None else weight for weight in weights[:4]] + [w for w in weights[4:] if w is not None]
    walked = equations.flipped(x, lengths) if reverse else x
    h, last = equations.layer(cell.equation, walked, tuple(tensors[6:]), used, lengths)
    h = equations.flipped(h, lengths) if reverse else h
    h = pack_padded_sequence(h, lengths).data
    found = torch.autograd.grad(
        [h, *last], [t for t, wanted in zip(tensors, needed) if wanted], grads, create_graph=True
    )
    remaining = iter(found)
    return [next(remaining) if wanted else None for wanted in needed]
